#pragma once
// One sequence of tokens on its way through the model: its history, its memory on the device, its drafts of the current round, and
// what happened to them. Mutated by the Runner only.
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/sampler.h"
#include "model/model.h"

namespace paceline {

inline constexpr int kMaxDrafts = 6;

// Counters of one sequence; position i counts drafts at depth i + 1.
struct SequenceStats {
  int64_t passes = 0;     // verify steps
  int64_t generated = 0;  // tokens committed by them, the first token of the answer not counted
  std::array<int64_t, kMaxDrafts> drafted{}, accepted{};
};

class Sequence {
 public:
  // max_drafts <= kMaxDrafts; `shape` from Model::state_shape with max_generate_rows = 1 + max_drafts.
  Sequence(Device& device, const Model& model, const StateShape& shape, SamplingParameters parameters);

  // Prompt and output so far. The last token has not been through the trunk yet once generation has begun.
  std::span<const Token> tokens() const { return tokens_; }
  int prompt_length() const { return prompt_length_; }
  std::span<const Token> output() const { return tokens().subspan(static_cast<size_t>(prompt_length_)); }
  bool prompt_done() const { return static_cast<int>(tokens_.size()) > prompt_length_; }
  const SamplingParameters& parameters() const { return parameters_; }
  const SequenceStats& stats() const { return stats_; }
  SequenceState& state() { return state_; }
  const SequenceState& state() const { return state_; }
  int max_length() const { return state_.shape().max_length; }

  // Takes the prompt of a fresh sequence; at least one token and room for one more.
  void set_prompt(std::span<const Token> prompt);

  // --- the round, for Runner and drafters ---
  std::vector<Token> tokens_;
  std::vector<Token> drafts;    // of this round, in order
  int draft_budget = 0;         // at most this many
  // Tokens the trunk's last step settled beyond its own input, with the hidden state each was predicted from (rows of kept_hidden):
  // the accepted drafts and the new token. What a draft head needs to catch up.
  int kept_count = 0;
  OwnedTensor kept_hidden;      // 1 + max_drafts rows x width
  SequenceStats stats_;

 private:
  SamplingParameters parameters_;
  SequenceState state_;
  int prompt_length_ = 0;
};

}  // namespace paceline
