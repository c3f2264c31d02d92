// Compares a device with logits another engine computed: `golden_check [--device D] [--isa I] [--split N --first F] FOLDER` runs every model of a folder laid out
// like tests/golden (see its README). The reference device must be exact; a device that rounds activations must be as close as the peer's own
// quantized path: at most 1.5 times its distance for each file, at most 1.0 in the geometric mean.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "engine/generator.h"
#include "engine/prompt_logits.h"
#include "support/test_device.h"

namespace paceline {

namespace {

namespace fs = std::filesystem;

constexpr double kReferenceLimit = 1e-9, kPeerLimit = 1.5, kPeerMeanLimit = 1.0;

struct Golden {
  std::vector<Token> prompt, greedy, drafts;
  std::vector<float> trunk, draft;  // draft is empty without a head
};

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) fail(path.string(), ": cannot be read");
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<float> read_floats(const fs::path& path) {
  if (!fs::exists(path)) return {};
  const std::string bytes = read_file(path);
  std::vector<float> values(bytes.size() / sizeof(float));
  std::copy(bytes.begin(), bytes.end(), reinterpret_cast<char*>(values.data()));
  return values;
}

std::vector<Token> tokens_of(const Json& json, const char* key) {
  std::vector<Token> tokens;
  for (const Json& value : json.at(key).as_array()) tokens.push_back(static_cast<Token>(value.as_integer()));
  return tokens;
}

Golden read_golden(const fs::path& stem) {
  const Json json = Json::parse(read_file(stem.string() + ".json"));
  return {tokens_of(json, "prompt_tokens"), tokens_of(json, "greedy"), tokens_of(json, "mtp_drafts"),
          read_floats(stem.string() + ".trunk.f32"), read_floats(stem.string() + ".mtp.f32")};
}

double normalised_squared_error(const std::vector<float>& got, const std::vector<float>& want) {
  if (got.size() != want.size()) fail("got ", got.size(), " logits, expected ", want.size());
  double error = 0, norm = 0;
  for (size_t i = 0; i < want.size(); ++i) {
    const double difference = static_cast<double>(got[i]) - static_cast<double>(want[i]);
    error += difference * difference;
    norm += static_cast<double>(want[i]) * static_cast<double>(want[i]);
  }
  return error / norm;
}

class GoldenCheck {
 public:
  GoldenCheck(const test::TestDeviceOptions& options, const fs::path& folder)
      : device_(test::open_test_device(options)),
        folder_(folder),
        exact_(options.kind == "reference" && (options.split == 0 || options.first == "reference")),
        peers_(Json::parse(read_file(folder / "peer_distance.json"))) {}

  void run_all() {
    std::vector<fs::path> models;
    for (const auto& entry : fs::directory_iterator(folder_))
      if (entry.path().extension() == ".gguf") models.push_back(entry.path());
    std::sort(models.begin(), models.end());
    for (const fs::path& model : models) run(model);
  }

  bool finish() {
    if (!exact_ && ratio_count_ > 0) {
      const double mean = std::exp(log_ratio_sum_ / ratio_count_);
      std::printf("geometric mean of the distance relative to the peer's: %.3f\n", mean);
      expect(mean <= kPeerMeanLimit, cat("the geometric mean is ", mean, ", expected at most ", kPeerMeanLimit));
    }
    std::printf("golden: %d passed, %d failed\n", passed_, failed_);
    return failed_ == 0 && passed_ > 0;
  }

 private:
  void expect(bool condition, const std::string& what) {
    if (!condition) std::printf("FAILED %s\n", what.c_str());
    ++(condition ? passed_ : failed_);
  }

  void run(const fs::path& path) {
    const fs::path stem = path.parent_path() / path.stem();
    const std::string name = stem.filename().string();
    const Golden golden = read_golden(stem);
    const GgufFile file = GgufFile::open(path.string());
    const GeneratorOptions options{.context = 256, .max_prompt_rows = 64, .drafts = 0, .kv = {DType::F32, DType::F32}};
    const std::unique_ptr<Model> model =
        load_model(file, *device_, {.max_batch_rows = Generator::model_rows(options), .on_progress = {}});
    // The draft chain is fed what it was fed there: a near-tie decided otherwise would leave nothing to compare.
    std::vector<Token> inputs;
    if (!golden.drafts.empty()) {
      inputs = golden.drafts;
      inputs.pop_back();
      inputs.insert(inputs.begin(), golden.greedy.front());
    }
    const PromptLogits logits = compute_prompt_logits(*device_, *model, golden.prompt, options.kv, 64, inputs);
    check_distance(name, "trunk", logits.trunk, golden.trunk);
    if (!golden.draft.empty()) check_distance(name, "mtp", logits.draft, golden.draft);
    if (exact_) check_tokens(name, *model, options, golden, logits);
  }

  void check_distance(const std::string& name, const char* part, const std::vector<float>& got,
                      const std::vector<float>& want) {
    const double distance = normalised_squared_error(got, want);
    if (exact_) {
      std::printf("%-24s %-5s %.2e\n", name.c_str(), part, distance);
      return expect(distance <= kReferenceLimit,
                    cat(name, " ", part, ": distance ", distance, ", expected at most ", kReferenceLimit));
    }
    const double peer = peers_.at(name).at(part).as_number(), ratio = distance / peer;
    std::printf("%-24s %-5s %.2e  %.2f of the peer's\n", name.c_str(), part, distance, ratio);
    log_ratio_sum_ += std::log(ratio);
    ++ratio_count_;
    expect(ratio <= kPeerLimit,
           cat(name, " ", part, ": ", ratio, " of the peer's distance, expected at most ", kPeerLimit));
  }

  void check_tokens(const std::string& name, Model& model, const GeneratorOptions& options, const Golden& golden,
                    const PromptLogits& logits) {
    Generator generator(*device_, model, options);
    SamplingParameters greedy;
    greedy.temperature = 0;
    const Generation generation = generator.generate(
        golden.prompt, greedy, {.max_tokens = static_cast<int>(golden.greedy.size()), .end_tokens = {}},
        [](Token) { return true; });
    expect(generation.output == golden.greedy, cat(name, ": the greedy tokens differ"));
    if (!golden.draft.empty()) expect(logits.chain == golden.drafts, cat(name, ": the drafted tokens differ"));
  }

  std::unique_ptr<Device> device_;
  fs::path folder_;
  bool exact_;
  Json peers_;
  double log_ratio_sum_ = 0;
  int ratio_count_ = 0, passed_ = 0, failed_ = 0;
};

int run(int argc, char** argv) {
  test::TestDeviceOptions options;
  std::string folder;
  for (int i = 1; i < argc; ++i)
    if (!test::take_device_flag(argc, argv, i, options)) folder = argv[i];
  if (const std::string missing = options.kind == "cuda" ? cuda_device_missing() : ""; !missing.empty()) {
    std::printf("SKIPPED: %s\n", missing.c_str());  // said aloud, not passed: ctest knows this status
    return 77;
  }
  GoldenCheck check(options, folder);
  check.run_all();
  return check.finish() ? 0 : 1;
}

}  // namespace

}  // namespace paceline

int main(int argc, char** argv) {
  try {
    return paceline::run(argc, argv);
  } catch (const paceline::Error& error) {
    std::printf("FAILED: %s\n", error.what());
    return 1;
  }
}
