// Speculation is invisible: tokens and logit bits are those of plain decoding, whatever is drafted, accepted or rejected, however the prompt
// is cut, with any number of threads. `invisibility [--device D] [--isa I] [--split N --first F] [--full|--brief] [--head] MODEL.gguf...`; --full runs the whole matrix of
// prompt lengths, chunks, threads and temperatures, otherwise every pair of settings occurs, --brief a few; --head drafts with the model's own head. Each
// run also proves that the check can fail, with a device whose matrix product sums a single row in another order.
#include <cstdio>
#include <string>
#include <vector>

#include "device/forwarding_device.h"
#include "engine/generator.h"
#include "invisibility/runs.h"
#include "support/test_device.h"

namespace paceline::invisibility {

namespace {

struct Options {
  test::TestDeviceOptions device;
  bool full = false, brief = false, head = false;
  std::vector<std::string> models;
};

constexpr int kPromptLengths[] = {1, 63, 64, 65, 127, 300, 700};
constexpr int kChunks[] = {1, 7, 64, 512};
constexpr float kTemperatures[] = {0.0f, 0.8f};
// With --brief. A prompt that crosses a split of the attention, chunks that do and do not divide it.
constexpr int kBriefLength = 130, kBriefChunks[] = {7, 64};

// Hands steps on whole, so that a device may replay them, and counts those that it did.
class ReplayCount final : public ForwardingDevice {
 public:
  using ForwardingDevice::ForwardingDevice;
  void run(uint64_t key, std::span<const Segment> segments, const std::function<void()>& step) override {
    int calls = 0;
    inner_.run(key, segments, [&] { ++calls, step(); });
    replayed += calls == 0;
  }
  int replayed = 0;
};

// What every usual GEMV does: one row is summed in two halves, several rows in one go.
class BrokenDevice final : public ForwardingDevice {
 public:
  using ForwardingDevice::ForwardingDevice;
  void project_add(Tensor out, Tensor x, const Weight& weight) override {
    if (x.rows > 1) return ForwardingDevice::project_add(out, x, weight);
    std::vector<float> values(static_cast<size_t>(x.cols)), half(values);
    inner_.read(values.data(), x);
    const OwnedTensor part = inner_.allocate(DType::F32, 1, x.cols);
    for (const bool upper : {false, true}) {
      for (size_t i = 0; i < half.size(); ++i) half[i] = (i >= half.size() / 2) == upper ? values[i] : 0.0f;
      inner_.write(part, half.data());
      ForwardingDevice::project_add(out, part, weight);
    }
  }
};

class Check {
 public:
  explicit Check(const Options& options) : options_(options) {}

  void run(const std::string& path) {
    if (options_.brief) return run_brief(path);
    const std::unique_ptr<Device> one = open(1), two = open(2);
    LoadedModel on_one(path, *one), on_two(path, *two);
    int combination = 0;
    for (const int length : kPromptLengths)
      for (const float temperature : kTemperatures) {
        const Settings plain_settings{length, 512, temperature, {}};
        const Recording plain = generate(on_two, plain_settings, nullptr, {0});
        for (const int chunk : kChunks)
          for (LoadedModel* loaded : {&on_one, &on_two}) {
            // All pairs of (length, temperature, chunk, threads) occur in a third of the combinations.
            if (!options_.full && ++combination % 3 != 0) continue;
            compare(*loaded, {length, chunk, temperature, {}}, plain, path);
          }
      }
    for (const DType type : {DType::Q8_0, DType::F32}) {
      const Settings settings{65, 64, 0.8f, {type, type}};
      if (on_two.model->state_shape(8, 1, {}).kv.front().head_dim % 32 != 0) continue;
      compare(on_one, settings, generate(on_two, settings, nullptr, {0}), path);
    }
    compare_modes(on_one, path);
    if (options_.head) expect_some_accepted(path);
    expect_broken_fails(path, *two);
  }

  // For devices whose every step is slow.
  void run_brief(const std::string& path) {
    const std::unique_ptr<Device> device = open(1);
    ReplayCount counted(*device);
    LoadedModel loaded(path, counted);
    const Settings settings{kBriefLength, 512, kTemperatures[1], {}};
    const Recording plain = generate(loaded, settings, nullptr, {0});
    for (const int chunk : kBriefChunks) compare(loaded, {kBriefLength, chunk, settings.temperature, {}}, plain, path);
    if (options_.device.kind == "cuda" && options_.device.split == 0 && counted.replayed < kGenerated)
      fail_with(cat(path, ": ", counted.replayed, " steps were replayed, expected most of them"));
    compare_unheard(loaded, settings, plain, path);
    const Settings greedy{kBriefLength, 512, kTemperatures[0], {}};
    compare_unheard(loaded, greedy, generate(loaded, greedy, nullptr, {0}), path);
    expect_broken_fails(path, *device);
  }

  bool finish() {
    for (int drafted = 0; drafted <= kMaxDrafts && !options_.head; ++drafted)
      for (int accepted = 0; accepted <= drafted; ++accepted)
        if (!counts_.contains({drafted, accepted}))
          fail_with(cat("no round drafted ", drafted, " and accepted ", accepted));
    std::printf("invisibility: %d passed, %d failed\n", passed_, failed_);
    return failed_ == 0 && passed_ > 0;
  }

 private:
  std::unique_ptr<Device> open(int threads) const {
    test::TestDeviceOptions device = options_.device;
    device.threads = threads;
    return test::open_test_device(device);
  }

  void fail_with(const std::string& what) {
    std::printf("FAILED %s\n", what.c_str());
    ++failed_;
  }

  Recording speculate(LoadedModel& loaded, const Settings& settings, const Recording& plain) {
    if (options_.head) {
      MtpDrafter head(loaded.device, *loaded.model,
                      {.max_prompt_rows = settings.chunk, .max_sequences = 1, .max_drafts = kMaxLookupDrafts});
      LookupDrafter drafter(&head);
      // Copies in every other setting.
      Settings with_copies = settings;
      with_copies.lookup = (settings.prompt_length + settings.chunk) % 2 == 0 ? kMaxLookupDrafts : 0;
      return generate(loaded, with_copies, &drafter, {3, 1, 6, 0, 2, 4, 5, 0, 0, 3}, &counts_);
    }
    ScriptedDrafter drafter(plain, loaded.model->facts().vocab_size,
                            static_cast<uint64_t>(settings.prompt_length + settings.chunk));
    Settings wide = settings;
    wide.lookup = kMaxLookupDrafts;
    return generate(loaded, wide, &drafter, {kMaxDrafts}, &counts_);
  }

  void compare(LoadedModel& loaded, const Settings& settings, const Recording& plain, const std::string& path) {
    const std::string where = cat(path, ", ", loaded.device.description(), ", prompt ", settings.prompt_length,
                                  ", chunk ", settings.chunk, ", temperature ", settings.temperature);
    const std::string drafted = difference(speculate(loaded, settings, plain), plain);
    const std::string undrafted = difference(generate(loaded, settings, nullptr, {0}), plain);
    if (!drafted.empty()) return fail_with(cat(where, ", drafting: ", drafted));
    if (!undrafted.empty()) return fail_with(cat(where, ", plain: ", undrafted));
    ++passed_;
  }

  // The text is the same when no logits are asked for, drafted by the model's head, whose chains then need the host less.
  void compare_unheard(LoadedModel& loaded, Settings settings, const Recording& plain, const std::string& path) {
    if (!loaded.model->facts().has_draft_head) return;
    settings.heard = false;
    MtpDrafter head(loaded.device, *loaded.model,
                    {.max_prompt_rows = settings.chunk, .max_sequences = 1, .max_drafts = kMaxLookupDrafts});
    const std::string found = difference(generate(loaded, settings, &head, {3, 1, 6, 0, 2}, &counts_), plain);
    if (!found.empty()) return fail_with(cat(path, ", temperature ", settings.temperature, ", unheard: ", found));
    ++passed_;
  }

  // What users choose between: plain, each depth and auto, each with and without copies from the text.
  void compare_modes(LoadedModel& loaded, const std::string& path) {
    // The model's own text and the start of it again: what it says next it has said before.
    const std::vector<Token> start = make_prompt(*loaded.model, 60);
    const std::vector<Token> own = run_mode(loaded, start, 0, {}).output;
    std::vector<Token> prompt = start;
    prompt.insert(prompt.end(), own.begin(), own.end());
    prompt.insert(prompt.end(), start.begin(), start.end());
    for (const float temperature : kTemperatures) {
      const Generation plain = run_mode(loaded, prompt, temperature, {});
      for (int depth = 0; depth <= (options_.head ? kMaxDrafts : 0); ++depth)
        for (const bool adapts : {false, true})
          for (const int lookup : {0, kMaxLookupDrafts}) {
            GeneratorOptions options;
            options.drafts = depth, options.adapt_depth = adapts, options.lookup_drafts = lookup;
            const Generation got = run_mode(loaded, prompt, temperature, options);
            copied_ += got.stats.lookup_accepted;
            if (got.output != plain.output)
              fail_with(cat(path, ", temperature ", temperature, ", ", depth, adapts ? " drafts at most" : " drafts",
                            ", lookup ", lookup, ": another text"));
            else ++passed_;
          }
    }
  }

  static Generation run_mode(LoadedModel& loaded, const std::vector<Token>& prompt, float temperature,
                             GeneratorOptions options) {
    options.context = kLongestPrompt + kGenerated;
    Generator generator(loaded.device, *loaded.model, options);
    return generator.generate(prompt, sampling(temperature), {.max_tokens = kGenerated, .end_tokens = {}},
                              [](Token) { return true; });
  }

  void expect_some_accepted(const std::string& path) {
    int accepted = 0;
    for (const auto& [round, count] : counts_) accepted += round.second * count;
    if (accepted == 0) fail_with(cat(path, ": the model's head never had a draft accepted"));
    if (copied_ == 0) fail_with(cat(path, ": nothing was ever copied from the text"));
  }

  void expect_broken_fails(const std::string& path, Device& device) {
    BrokenDevice broken(device);
    LoadedModel loaded(path, broken);
    const Settings settings{64, 64, 0.0f, {}};
    const Recording plain = generate(loaded, settings, nullptr, {0});
    ScriptedDrafter drafter(plain, loaded.model->facts().vocab_size, 1);
    if (difference(generate(loaded, settings, &drafter, {kMaxDrafts}), plain).empty())
      return fail_with(cat(path, ": a device with another order for single rows went unnoticed"));
    ++passed_;
  }

  const Options& options_;
  RoundCounts counts_;
  int64_t copied_ = 0;
  int passed_ = 0, failed_ = 0;
};

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string flag = argv[i];
    if (test::take_device_flag(argc, argv, i, options.device)) continue;
    if (flag == "--full") options.full = true;
    else if (flag == "--brief") options.brief = true;
    else if (flag == "--head") options.head = true;
    else options.models.push_back(flag);
  }
  return options;
}

}  // namespace

}  // namespace paceline::invisibility

int main(int argc, char** argv) {
  try {
    const auto options = paceline::invisibility::parse(argc, argv);
    if (options.device.kind == "cuda")
      if (const std::string missing = paceline::cuda_device_missing(); !missing.empty()) {
        std::printf("SKIPPED: %s\n", missing.c_str());  // said aloud, not passed: ctest knows this status
        return 77;
      }
    paceline::invisibility::Check check(options);
    for (const std::string& model : options.models) check.run(model);
    return check.finish() ? 0 : 1;
  } catch (const paceline::Error& error) {
    std::printf("FAILED: %s\n", error.what());
    return 1;
  }
}
