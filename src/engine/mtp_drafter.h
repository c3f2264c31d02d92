#pragma once
// Drafts with the model's own draft head (spec 7). Before a round it catches up: the tokens the last round settled, paired with the
// trunk's true hidden states, leave K and V in the head's cache (overwriting those of its own drafts); the newest of them runs in full
// and is the first draft. Each further draft feeds back the head's own hidden state. Drafts are chosen by the sampler with the noise,
// penalties and truncation of the position they are for, so at temperature > 0 they agree with the target as often as possible.
#include <functional>
#include <vector>

#include "engine/draft_vocabulary.h"
#include "engine/drafter.h"
#include "engine/logit_rows.h"
#include "engine/runner.h"

namespace paceline {

class MtpDrafter final : public Drafter {
 public:
  MtpDrafter(Device& device, Model& model, const RunnerOptions& options);

  void observe_prompt(Sequence& sequence, int first_position, Tensor hidden) override;
  void propose(std::span<Sequence* const> sequences) override;

  // The most memory of the device that one with these options takes.
  static uint64_t most_bytes(const Model& model, const RunnerOptions& options);

  const DraftVocabulary& vocabulary() const { return vocabulary_; }
  // See DraftVocabulary; before the first text.
  void learn(std::span<const Token> ids) { vocabulary_.learn(ids); }

  // Called with the logits each draft is chosen from (one for each of the vocabulary's ids): for measurements.
  std::function<void(const Sequence&, std::span<const float> logits)> on_draft_logits;

 private:
  static int max_lists(const RunnerOptions& options);
  // Starts a batch; add_rows appends rows of one sequence: tokens from `first_position` on with hidden rows `hidden`.
  void begin_batch();
  void add_rows(Sequence& sequence, int first_position, std::span<const Token> tokens, Tensor hidden, Phase phase);
  void run(int full_from);
  // The pass over what begin_batch() and add_rows() laid out, whose tokens are on the device.
  void forward(int rows, int full_from);
  void catch_up(std::span<Sequence* const> sequences);
  // Picks a draft for every sequence of chain_ from the full rows, then keeps those that want another.
  void choose_drafts();
  void show_logits(Tensor logits);
  void keep_draft(Sequence& sequence, Token draft, int row);
  // The head's probability of a draft, a pure function of the row.
  float confidence(int row, Token draft);
  static void take_suggestion(Sequence& sequence);
  static bool is_worth_another(const Sequence& sequence);
  void continue_chains();
  // Chains that go on with the largest logit and end, but for rare events, at their budget: all drafts are made before the host looks at any.
  bool may_run_ahead() const;
  void run_ahead();
  void move_to_front(int count);
  void keep_until_stop(Sequence& sequence, int chain, int depth);

  Device& device_;
  Model& model_;
  Sampler sampler_;
  DraftVocabulary vocabulary_;
  OwnedTensor tokens_, hidden_;
  std::vector<Token> host_tokens_;
  std::vector<Segment> segments_;
  std::vector<Sequence*> chain_;  // sequences with a full row, in row order
  std::vector<int> rows_;
  LogitRows shown_;
  std::vector<CandidateRanking> rankings_;
  int full_from_ = 0;
};

}  // namespace paceline
