// How often drafts agree with the text, measured at every position of plain decoding: `acceptance MODEL.gguf T [TOKENS] < PROMPTS`, one
// prompt a line. The last line of what it prints sums up the first draft: accepted when chosen by argmax and with the target's noise (numerics.md, rule 1), and
// the most that rejection sampling could accept, the overlap of the two distributions, from the same logits. Then one line for each
// position: how many of six drafts were right, and the head's confidence in each, in percent. tests/engine/traces has such files.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <map>

#include "app/speed_tasks.h"
#include "base/error.h"
#include "device/device.h"
#include "engine/mtp_drafter.h"

namespace paceline {
namespace {

constexpr int kDepth = kMaxDrafts;

struct Chain {
  std::vector<Token> drafts;
  std::vector<float> confidences;
};

// Proposes two chains, by argmax and by coupled noise, notes them and drafts nothing.
class Listener final : public Drafter {
 public:
  explicit Listener(MtpDrafter& head) : head_(head) {
    head.on_draft_logits = [this](const Sequence& sequence, std::span<const float> row) {
      if (sequence.drafts.empty()) logits[sequence.length()].assign(row.begin(), row.end());
    };
  }
  void observe_prompt(Sequence& sequence, int first, Tensor hidden) override {
    head_.observe_prompt(sequence, first, hidden);
  }
  void propose(std::span<Sequence* const> sequences) override {
    Sequence& sequence = *sequences[0];
    const float temperature = sequence.parameters.temperature;
    for (auto* chains : {&argmax, &coupled}) {
      sequence.parameters.temperature = chains == &argmax ? 0 : temperature;
      sequence.draft_budget = kDepth;
      sequence.least_reach.fill(1e-9);
      head_.propose(sequences);
      (*chains)[sequence.length()] = {sequence.drafts, sequence.confidences};
      sequence.drafts.clear(), sequence.confidences.clear(), sequence.head_drafts = 0;
    }
  }
  std::map<int, Chain> argmax, coupled;
  std::map<int, std::vector<float>> logits;  // of the first draft, by position

 private:
  MtpDrafter& head_;
};

std::vector<double> distribution(const std::vector<float>& logits, double temperature) {
  const float most = *std::max_element(logits.begin(), logits.end());
  std::vector<double> out;
  double sum = 0;
  for (const float logit : logits) sum += out.emplace_back(std::exp((logit - most) / temperature));
  for (double& share : out) share /= sum;
  return out;
}

int right(const Chain& chain, const std::vector<Token>& tokens, int position) {
  int count = 0;
  while (count < static_cast<int>(chain.drafts.size()) && position + count < static_cast<int>(tokens.size()) &&
         chain.drafts[static_cast<size_t>(count)] == tokens[static_cast<size_t>(position + count)])
    ++count;
  return count;
}

struct Sums {
  int positions = 0, by_argmax = 0, by_noise = 0;
  double bound = 0;
};

class Measurement {
 public:
  explicit Measurement(const char* path)
      : file_(GgufFile::open(path)),
        tokenizer_(Tokenizer::load(file_)),
        device_(open_device({})),
        model_(load_model(file_, *device_, {.max_batch_rows = max_batch_rows(kOptions), .on_progress = {}})),
        head_(*device_, *model_, kOptions) {
    if (!head_.vocabulary().ids().empty()) fail(path, " has a vocabulary too large for this measurement");
  }

  void measure(const std::string& prompt, float temperature, int count, uint64_t seed) {
    Listener listener(head_);
    Runner runner(*device_, *model_, &listener, kOptions);
    std::map<int, std::vector<float>> trunk;
    runner.on_logits = [&](const Sequence&, int position, std::span<const float> row, Token) {
      trunk[position].assign(row.begin(), row.end());
    };
    // Nothing is cut off, so that the overlap is of what the two really say.
    SamplingParameters parameters;
    parameters.temperature = temperature, parameters.seed = seed;
    parameters.top_k = 0, parameters.top_p = 1, parameters.min_p = 0;
    const std::vector<Token> tokens = question_tokens(*tokenizer_, prompt);
    const int room = static_cast<int>(tokens.size()) + count + 4 * kDepth;
    Sequence sequence(*device_, *model_, model_->state_shape(room, 1 + kDepth, {}), tokens, parameters);
    Sequence* const sequences[] = {&sequence};
    while (static_cast<int>(sequence.output().size()) < count + kDepth && !tokenizer_->is_end(sequence.tokens.back()))
      runner.step(sequences);
    for (const auto& [position, chain] : listener.coupled) {
      if (position + kDepth > sequence.length()) continue;
      ++sums_.positions;
      sums_.by_argmax += right(listener.argmax[position], sequence.tokens, position) > 0;
      sums_.by_noise += right(chain, sequence.tokens, position) > 0;
      if (temperature > 0) sums_.bound += overlap(trunk.at(position), listener.logits.at(position), temperature);
      std::printf("%d", right(chain, sequence.tokens, position));
      for (const float confidence : chain.confidences) std::printf(" %.0f", static_cast<double>(confidence) * 100);
      std::printf("\n");
    }
  }

  void print_sums(float temperature) const {
    const double n = std::max(1, sums_.positions);
    std::printf("# T %g: %d positions, first draft accepted: argmax %.3f, coupled %.3f",
                static_cast<double>(temperature), sums_.positions, sums_.by_argmax / n, sums_.by_noise / n);
    if (temperature > 0) std::printf(", bound %.3f", sums_.bound / n);
    std::printf("\n");
  }

 private:
  static constexpr RunnerOptions kOptions{.max_prompt_rows = 512, .max_sequences = 1, .max_drafts = kDepth};

  static double overlap(const std::vector<float>& trunk, const std::vector<float>& head, double temperature) {
    const auto p = distribution(trunk, temperature), q = distribution(head, temperature);
    double sum = 0;
    for (size_t i = 0; i < p.size(); ++i) sum += std::min(p[i], q[i]);
    return sum;
  }

  GgufFile file_;
  std::unique_ptr<Tokenizer> tokenizer_;
  std::unique_ptr<Device> device_;
  std::unique_ptr<Model> model_;
  MtpDrafter head_;
  Sums sums_;
};

}  // namespace
}  // namespace paceline

int main(int count, char** words) {
  if (count < 3) return std::fputs("usage: acceptance MODEL.gguf TEMPERATURE [TOKENS] < PROMPTS\n", stderr), 2;
  try {
    paceline::Measurement measurement(words[1]);
    const float temperature = std::stof(words[2]);
    uint64_t seed = 0;
    for (std::string prompt; std::getline(std::cin, prompt);)
      measurement.measure(prompt, temperature, count > 3 ? std::stoi(words[3]) : 200, ++seed);
    measurement.print_sums(temperature);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "acceptance: %s\n", error.what());
    return 1;
  }
}
