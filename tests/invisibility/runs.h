#pragma once
// One generation, recorded down to the bits of the logits each token was chosen from. Shared by the invisibility checks.
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/mtp_drafter.h"
#include "engine/runner.h"

namespace paceline::invisibility {

inline constexpr int kGenerated = 150, kLongestPrompt = 700;

// A model on a device, loaded once for many runs.
struct LoadedModel {
  LoadedModel(const std::string& path, Device& device);
  GgufFile file;
  Device& device;
  std::unique_ptr<Model> model;
};

struct Settings {
  int prompt_length = 64;
  int chunk = 512;
  float temperature = 0;
  KvTypes kv;
  int lookup = 0;  // lookup_budget of every round
  bool heard =
      true;  // else nobody is handed logits, and a device with memory of its own hands out lists of candidates (logit_rows.h)
};

std::vector<Token> make_prompt(const Model& model, int length);
SamplingParameters sampling(float temperature);

struct Recording {
  std::vector<Token> output;
  std::vector<uint64_t> logit_hashes;  // of the logits each output token was chosen from; none where nobody heard them
};

// (drafted, accepted) of a round -> how often.
using RoundCounts = std::map<std::pair<int, int>, int>;

// Generates kGenerated tokens after the model's own kind of prompt, which repeats itself. drafts_per_round: how many drafts to ask for in each round, cyclic.
Recording generate(LoadedModel& loaded, const Settings& settings, Drafter* drafter,
                   const std::vector<int>& drafts_per_round, RoundCounts* counts = nullptr);

// "" when equal, else where they part.
std::string difference(const Recording& got, const Recording& want);

// Replays a known continuation with planted errors: round i drafts K_i tokens of which the first a_i are right, for every pair
// 0 <= a <= K <= kMaxDrafts and some of the wide rounds that repetitions bring, in an order that depends on `order`.
class ScriptedDrafter final : public Drafter {
 public:
  ScriptedDrafter(const Recording& plain, int vocab_size, uint64_t order);
  void propose(std::span<Sequence* const> sequences) override;

 private:
  const Recording& plain_;
  int vocab_size_;
  std::vector<std::pair<int, int>> script_;
  size_t round_ = 0;
};

}  // namespace paceline::invisibility
