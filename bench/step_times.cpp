// A whole model's steps, and where their time goes by operation. `step_times MODEL [--isa NAME] [--threads N] [--prompt N] [--runs N]`
//
// Prints the prompt speed, time(k) / time(1) of a step of k rows with logits, the read bandwidth measured between the steps, and the time
// spent in each operation of the device (its wall time: what runs between operations is the rest).
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <vector>

#include "base/cpu_info.h"
#include "base/machine_limits.h"
#include "device/forwarding_device.h"
#include "model/model.h"

namespace paceline::bench {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// Adds up the time of each operation.
class TimingDevice final : public ForwardingDevice {
 public:
  using ForwardingDevice::ForwardingDevice;
  std::map<std::string, double> seconds;

  void embed(Tensor out, const Weight& table, Tensor tokens) override {
    timed("embed", [&] { inner_.embed(out, table, tokens); });
  }
  void rms_norm(Tensor out, Tensor x, Tensor weight, float eps) override {
    timed("rms_norm", [&] { inner_.rms_norm(out, x, weight, eps); });
  }
  void project(std::span<const Tensor> out, Tensor x, std::span<const Weight* const> weights) override {
    timed(weights[0]->rows > 100000 ? "project (head)" : "project", [&] { inner_.project(out, x, weights); });
  }
  void project_add(Tensor out, Tensor x, const Weight& weight) override {
    timed("project_add", [&] { inner_.project_add(out, x, weight); });
  }
  void swiglu(Tensor out, Tensor gate, Tensor up) override {
    timed("swiglu", [&] { inner_.swiglu(out, gate, up); });
  }
  void sigmoid_gate(Tensor x, Tensor gate) override {
    timed("sigmoid_gate", [&] { inner_.sigmoid_gate(x, gate); });
  }
  void rotate(Tensor x, const Batch& batch, const RotaryShape& shape) override {
    timed("rotate", [&] { inner_.rotate(x, batch, shape); });
  }
  void store_kv(const Batch& batch, int layer, Tensor k, Tensor v) override {
    timed("store_kv", [&] { inner_.store_kv(batch, layer, k, v); });
  }
  void attention(Tensor out, Tensor q, const Batch& batch, int layer, const AttentionShape& shape) override {
    timed("attention", [&] { inner_.attention(out, q, batch, layer, shape); });
  }
  void conv_silu(Tensor out, Tensor u, const Batch& batch, int layer, Tensor weight) override {
    timed("conv_silu", [&] { inner_.conv_silu(out, u, batch, layer, weight); });
  }
  void delta_rule(Tensor out, const DeltaRuleInput& input, const Batch& batch, int layer) override {
    timed("delta_rule", [&] { inner_.delta_rule(out, input, batch, layer); });
  }
  void gated_rms_norm(Tensor out, Tensor x, Tensor weight, Tensor z, float eps) override {
    timed("gated_rms_norm", [&] { inner_.gated_rms_norm(out, x, weight, z, eps); });
  }
  void route(Tensor ids, Tensor shares, Tensor logits, const ExpertShape& shape) override {
    timed("route", [&] { inner_.route(ids, shares, logits, shape); });
  }
  void project_experts(Tensor out, Tensor x, Tensor ids, Tensor shares, const ExpertWeights& weights) override {
    timed("project_experts", [&] { inner_.project_experts(out, x, ids, shares, weights); });
  }
  void add_shared_expert(Tensor out, Tensor shared, Tensor x, Tensor gate) override {
    timed("add_shared_expert", [&] { inner_.add_shared_expert(out, shared, x, gate); });
  }

 private:
  template <class Work>
  void timed(const char* operation, Work work) {
    const auto start = Clock::now();
    work();
    seconds[operation] += seconds_since(start);
  }
};

struct Options {
  std::string model;
  DeviceOptions device;
  int prompt = 512, runs = 9;
};

struct Bench {
  Options options;
  std::unique_ptr<Device> cpu;
  TimingDevice device;
  GgufFile file;
  std::unique_ptr<Model> model;

  explicit Bench(const Options& chosen)
      : options(chosen),
        cpu(open_device(chosen.device)),
        device(*cpu),
        file(GgufFile::open(chosen.model)),
        model(load_model(file, device, {})) {}

  // Seconds of one step of `rows` rows, with the logits of all of them (Generate) or none (Prompt).
  double step(SequenceState& state, int rows, Phase phase, int commit) {
    std::vector<int32_t> ids(static_cast<size_t>(rows));
    for (size_t i = 0; i < ids.size(); ++i)
      ids[i] = static_cast<int32_t>((i * 7919 + 13) % 10000) % model->facts().vocab_size;
    const OwnedTensor tokens = device.allocate(DType::I32, rows, 1),
                      hidden = device.allocate(DType::F32, rows, model->facts().width);
    device.write(tokens, ids.data());
    const Segment segment{&state, 0, rows, state.length(), phase};
    const auto start = Clock::now();
    model->forward({tokens, {&segment, 1}}, hidden);
    if (phase == Phase::Generate) {
      if (!logits.memory) logits = device.allocate(DType::F32, 16, model->facts().vocab_size);
      model->logits(logits.row_range(0, rows), hidden);
    }
    const double seconds = seconds_since(start);
    state.commit(commit);
    return seconds;
  }
  OwnedTensor logits;
};

void print_operations(const Bench& bench, double total) {
  std::vector<std::pair<double, std::string>> sorted;
  double inside = 0;
  for (const auto& [name, seconds] : bench.device.seconds) sorted.emplace_back(seconds, name), inside += seconds;
  std::sort(sorted.rbegin(), sorted.rend());
  for (const auto& [seconds, name] : sorted) std::printf("    %-18s %5.1f %%\n", name.c_str(), 100 * seconds / total);
  std::printf("    %-18s %5.1f %%\n", "between operations", 100 * (total - inside) / total);
}

void run(const Options& options) {
  const auto start = Clock::now();
  Bench bench(options);
  std::printf("%s, loaded in %.2f s\n", bench.cpu->description().c_str(), seconds_since(start));
  MachineLimits limits(options.device.threads == 0 ? physical_core_count() : options.device.threads);
  const int longest = options.prompt + 64 * options.runs;
  SequenceState state(bench.device, bench.model->state_shape(longest, 16, {}));
  for (int pass = 0; pass < 2; ++pass) {
    state.reset();
    bench.device.seconds.clear();
    const double seconds = bench.step(state, options.prompt, Phase::Prompt, options.prompt);
    std::printf("prompt %d: %.1f t/s%s\n", options.prompt, options.prompt / seconds, pass == 0 ? " (first)" : "");
    if (pass == 1) print_operations(bench, seconds);
  }
  double one = 0;
  for (const int rows : {1, 2, 3, 4, 5, 6, 8, 16}) {
    std::vector<double> times, bandwidths;
    bench.step(state, rows, Phase::Generate, 0);
    bench.device.seconds.clear();
    double total = 0;
    for (int i = 0; i < options.runs; ++i) {
      bandwidths.push_back(limits.read_gb_s());
      times.push_back(bench.step(state, rows, Phase::Generate, std::min(rows, 2)));
      total += times.back();
    }
    if (rows == 1) one = median(times);
    std::printf("step of %d rows: %.2f ms (%.2f to %.2f), ratio %.2f, read bandwidth %.1f GB/s\n", rows,
                median(times) * 1e3, *std::min_element(times.begin(), times.end()) * 1e3,
                *std::max_element(times.begin(), times.end()) * 1e3, median(times) / one, median(bandwidths));
    if (rows == 1 || rows == 4) print_operations(bench, total);
  }
}

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const bool has_value = i + 1 < argc;
    if (word == "--isa" && has_value) options.device.isa = argv[++i];
    else if (word == "--threads" && has_value) options.device.threads = std::stoi(argv[++i]);
    else if (word == "--prompt" && has_value) options.prompt = std::stoi(argv[++i]);
    else if (word == "--runs" && has_value) options.runs = std::stoi(argv[++i]);
    else if (options.model.empty() && word[0] != '-') options.model = word;
    else fail("unexpected ", word, ", expected MODEL [--isa NAME] [--threads N] [--prompt N] [--runs N]");
  }
  if (options.model.empty()) fail("expected a model file");
  if (options.prompt < 1 || options.prompt > 512) fail("--prompt is ", options.prompt, ", expected 1 to 512");
  return options;
}

}  // namespace
}  // namespace paceline::bench

int main(int argc, char** argv) {
  try {
    paceline::bench::run(paceline::bench::parse(argc, argv));
  } catch (const paceline::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
