// Files of `synth`, read back; and the construction of --accept without a model run: what the head's rows say about the codes.
#include "app/synth/synthesis.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>

#include "app/synth/filler.h"
#include "app/synth/vocabulary.h"
#include "gguf/reader.h"

namespace paceline::synth {
namespace {

std::string temporary(const std::string& name) {
  return testing::TempDir() + "/synth-" + std::to_string(::getpid()) + "-" + name;
}

std::string make(const std::string& name, const char* type, std::optional<double> accept, int threads,
                 uint64_t seed = 1) {
  SynthesisOptions options;
  options.shape = &find_shape("tiny");
  options.mix = &find_mix(type);
  options.accept = accept;
  options.rare = accept ? 0.1 : 0;
  options.seed = seed;
  options.threads = threads;
  options.path = temporary(name);
  synthesize(options);
  return options.path;
}

std::string slurp(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

TEST(Synthesis, BytesDependOnTheSeedButNotOnTheThreads) {
  const std::string one = make("one.gguf", "Q4_K_M", 0.7, 1), three = make("three.gguf", "Q4_K_M", 0.7, 3);
  const std::string other = make("other.gguf", "Q4_K_M", 0.7, 1, 2);
  const std::string bytes = slurp(one);
  EXPECT_GT(bytes.size(), size_t{1} << 20);
  EXPECT_TRUE(bytes == slurp(three));
  EXPECT_FALSE(bytes == slurp(other));
  for (const std::string& path : {one, three, other}) std::filesystem::remove(path);
}

TEST(Synthesis, OffsetsFollowFileOrderWithoutGaps) {
  const std::string path = make("order.gguf", "Q4_K_M", std::nullopt, 2);
  {
    const GgufFile file = GgufFile::open(path);
    const std::byte* expected = file.tensors()[0].bytes.data();
    for (const GgufTensor& tensor : file.tensors()) {
      EXPECT_EQ(tensor.bytes.data(), expected) << tensor.name;
      expected += (tensor.bytes.size() + 31) / 32 * 32;
    }
    EXPECT_EQ(file.metadata().integer("qwen35.block_count", 0, 100), 5);
    EXPECT_EQ(file.metadata().integer("qwen35.nextn_predict_layers", 0, 100), 1);
    EXPECT_EQ(file.find("output.weight")->rows(), 20480);
  }
  std::filesystem::remove(path);
}

// Logits as the last norm leaves them when the residual stream is the embedding alone: every id of the cycle must win by far. Noise of the
// blocks takes a few percent of it (docs/synth.md has the measured acceptance).
class Construction : public testing::TestWithParam<const char*> {};

struct Decoded {
  int columns;
  std::vector<float> values;
  std::span<const float> row(int index) const {
    return std::span(values).subspan(static_cast<size_t>(index) * static_cast<size_t>(columns),
                                     static_cast<size_t>(columns));
  }
};

Decoded decode(const GgufFile& file, const char* name) {
  const GgufTensor& tensor = *file.find(name);
  Decoded out{static_cast<int>(tensor.cols()), std::vector<float>(static_cast<size_t>(tensor.rows() * tensor.cols()))};
  format_info(tensor.type).decode(tensor.bytes.data(), out.values.data(), out.values.size());
  return out;
}

// The most likely id after `code` by the columns of one parity, and its lead in deviations of the others.
std::pair<int, double> winner(const Decoded& embedding, const Decoded& output, int code, int parity) {
  const std::span<const float> x = embedding.row(code);
  int best = -1;
  double most = -1e30, squares = 0, second = -1e30;
  const int rows = static_cast<int>(output.values.size()) / output.columns;
  for (int id = 0; id < rows; ++id) {
    const std::span<const float> w = output.row(id);
    double sum = 0;
    for (size_t i = static_cast<size_t>(parity); i < x.size(); i += 2) sum += static_cast<double>(x[i]) * w[i];
    squares += sum * sum;
    if (sum > most) second = most, most = sum, best = id;
    else second = std::max(second, sum);
  }
  return {best, (most - second) / std::sqrt((squares - most * most) / rows)};
}

TEST_P(Construction, TrunkAndHeadSayWhatTheMapSays) {
  const std::string path = make(std::string("map-") + GetParam() + ".gguf", GetParam(), 0.7, 2);
  {
    const ModelShape& shape = find_shape("tiny");
    const SuccessorMap map({shape.vocab_size, kByteTokenCount, kLowIdCount, shape.special_token_base, 0.7, 0.1, 1});
    const GgufFile file = GgufFile::open(path);
    const Decoded embedding = decode(file, "token_embd.weight"), output = decode(file, "output.weight");
    int agreements = 0;
    constexpr int kSamples = 60;
    for (int i = 0; i < kSamples; ++i) {
      const int id = i * 331 % shape.vocab_size;
      const auto [trunk, trunk_lead] = winner(embedding, output, id, 0);
      const auto [draft, draft_lead] = winner(embedding, output, id, 1);
      EXPECT_EQ(trunk, map.successor(id));
      EXPECT_EQ(map.draft_predecessor(draft), map.code(id));
      EXPECT_GT(trunk_lead, 3) << "id " << id;
      EXPECT_GT(draft_lead, 3) << "id " << id;
      agreements += trunk == draft;
    }
    EXPECT_NEAR(agreements, 0.7 * kSamples, 12);
  }
  std::filesystem::remove(path);
}

INSTANTIATE_TEST_SUITE_P(Types, Construction,
                         testing::Values("Q2_K", "Q3_K_S", "Q4_K_M", "Q4_0", "Q8_0", "IQ4_NL", "MXFP4", "F16"),
                         [](const testing::TestParamInfo<const char*>& instance) {
                           return std::string(instance.param);
                         });

}  // namespace
}  // namespace paceline::synth
