#pragma once
// Drafts with the model's own draft head (spec 7). Before a round it catches up: the tokens the last round settled, paired with the
// trunk's true hidden states, leave K and V in the head's cache (overwriting those of its own drafts); the newest of them runs in full
// and is the first draft. Each further draft feeds back the head's own hidden state. Drafts are chosen by the sampler with the noise,
// penalties and truncation of the position they are for, so at temperature > 0 they agree with the target as often as possible. A device with
// memory of its own chooses them itself (drafts_ahead.cpp), but where penalties, bias or a constraint have a say.
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
  Tensor drafts_ahead() const override { return drafted_.row_range(0, drafted_count_); }

  // The most memory of the device that one with these options takes.
  static uint64_t most_bytes(const Model& model, const RunnerOptions& options);

  const DraftVocabulary& vocabulary() const { return vocabulary_; }
  // See DraftVocabulary; before the first text.
  void learn(std::span<const Token> ids) { vocabulary_.learn(ids); }

  // Called with the logits each draft is chosen from (one for each of the vocabulary's ids): for measurements.
  std::function<void(const Sequence&, std::span<const float> logits)> on_draft_logits;

 private:
  // Starts a batch; add_rows appends rows of one sequence: tokens from `first_position` on with hidden rows `hidden`.
  void begin_batch();
  void add_rows(Sequence& sequence, int first_position, std::span<const Token> tokens, Tensor hidden, Phase phase);
  void run(int full_from);
  // The pass over what begin_batch() and add_rows() laid out, whose tokens are on the device.
  void forward(int rows, int full_from);
  void catch_up(std::span<Sequence* const> sequences);
  // A draft for every sequence of chain_ from the full rows.
  void make_drafts();
  void look_at_drafts(bool is_host_choice);
  void choose_drafts();
  void choose_draft(Sequence& sequence, int row);
  // The head's probability of a draft, a pure function of the row.
  float confidence(int row, Token draft);
  // Keeps those of chain_ that want another draft.
  void continue_chains();

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
  std::vector<DraftRule> rules_;
  OwnedTensor drafted_;  // by the device since propose() began: drafted_count_ rows of kDraftWords words
  std::vector<int32_t> drafted_words_;
  int drafted_count_ = 0, known_count_ = 0;  // known: their words have been read
  int full_from_ = 0;
};

}  // namespace paceline
