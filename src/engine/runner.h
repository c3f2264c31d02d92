#pragma once
// Runs steps: one pass of the model over the verify rows of generating sequences and the next prompt chunk of prompting ones, then
// sampling, acceptance and commit. Owns the buffers of a step; allocates nothing once constructed.
//
// A round of a generating sequence: rows [last token, d1 … dk] go through the trunk together; row i's logits give the target token of
// its position by sampling (sampler.h); drafts are accepted while they equal it; the first target that differs, or the one after the
// last draft, is the new token. Tokens and logit bits are those of plain decoding.
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine/drafter.h"
#include "engine/logit_rows.h"
#include "engine/sequence.h"

namespace paceline {

struct RunnerOptions {
  int max_prompt_rows = 512;  // of one chunk
  int max_sequences = 1;  // in one step
  int max_drafts = 3;  // of a round, from whatever source
};

// How long the parts of a step took.
struct StepSeconds {
  double draft = 0;  // until verifying could begin: where nobody waits in between, by the device's clock
  double verify = 0;  // and sampling, and whatever else is not drafting
};

// Rows that ModelOptions::max_batch_rows must allow for.
int max_batch_rows(const RunnerOptions& options);

class Runner {
 public:
  // `drafter` may be null (plain decoding) and, like device and model, outlives the runner.
  Runner(Device& device, Model& model, Drafter* drafter, const RunnerOptions& options);

  // One step of all of them: a sequence in its prompt takes its next chunk (when that ends the prompt, the first token of the answer is
  // chosen), any other sequence runs a round with at most its draft_budget drafts. None may be full.
  void step(std::span<Sequence* const> sequences);

  // Of the last step.
  const StepSeconds& seconds() const { return seconds_; }

  // Called for each settled token with its position and the logits it was chosen from.
  std::function<void(const Sequence&, int position, std::span<const float> logits, Token chosen)> on_logits;
  // Whose tokens it is called for; null: everybody's. A device with memory of its own hands out whole rows of logits for those only.
  std::function<bool(const Sequence&)> wants_logits;

 private:
  struct Work {
    Sequence* sequence;
    Segment segment;
    int first_logit_row = -1;  // -1: none (prompt goes on)
    int logit_rows = 0;
  };

  void draft(std::span<Sequence* const> sequences);
  void gather(std::span<Sequence* const> sequences);
  void run_model();
  void write_tokens(const Batch& batch);
  // What a device may replay.
  void compute(const Batch& batch);
  // Waits for the device, once, and tells the sequences what they drafted.
  void show_logits();
  bool is_heard(const Sequence& sequence) const { return on_logits && (!wants_logits || wants_logits(sequence)); }
  void settle(Work& work);
  void settle_prompt(Work& work);
  void settle_round(Work& work);
  void keep_hidden(Work& work, int count);
  // nullopt: the sequence's constraint allows nothing, and it is exhausted.
  std::optional<Token> choose(Sequence& sequence, int logit_row, int history_length);

  Device& device_;
  Model& model_;
  Drafter* drafter_;
  RunnerOptions options_;
  Sampler sampler_;
  OwnedTensor tokens_, hidden_, logit_hidden_, logits_;
  std::vector<Sequence*> drafting_;
  std::vector<Work> work_;
  std::vector<Segment> segments_;
  std::vector<Token> host_tokens_;
  std::vector<int> rows_;
  Tensor ahead_;  // as Drafter::drafts_ahead(), while a sequence has some
  LogitRows shown_;
  std::vector<CandidateRanking> rankings_;
  StepSeconds seconds_;
};

}  // namespace paceline
