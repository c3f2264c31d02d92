#pragma once
// One sequence of tokens on its way through the model: its history, its memory on the device, the drafts of the current round and
// what became of them. Changed by the Runner and its drafters only.
#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <vector>

#include "engine/lookup_index.h"
#include "engine/sampler.h"
#include "engine/token_constraint.h"
#include "model/model.h"

namespace paceline {

inline constexpr int kMaxDrafts = 6;  // of a draft head in one round
inline constexpr int kMaxLookupDrafts = 15;  // of a repetition found in the text

// Counters of one sequence.
struct SequenceStats {
  int64_t passes = 0;  // verify steps
  int64_t generated = 0;  // tokens they settled; the answer's first token comes from the prompt and is not counted
  std::array<int64_t, kMaxDrafts> drafted{}, accepted{};  // by the head; entry i is depth i + 1
  int64_t lookup_drafted = 0, lookup_accepted = 0;  // copied from the text

  // From both sources.
  int64_t all_drafted() const { return std::accumulate(drafted.begin(), drafted.end(), lookup_drafted); }
  int64_t all_accepted() const { return std::accumulate(accepted.begin(), accepted.end(), lookup_accepted); }
};

// When a chain of drafts is not worth going on with. Entry j: the least probability of the first j + 1 drafts all being right that pays
// for another one; 0: always.
using LeastReach = std::array<double, kMaxDrafts>;

// How often drafts of a stated probability turn out right: heads are over- or underconfident, each in its way.
class ConfidenceTable {
 public:
  void record(float confidence, bool accepted);
  double acceptance(float confidence) const;

 private:
  static constexpr int kBuckets = 10;
  static size_t bucket(float confidence);
  std::array<double, kBuckets> accepted_{}, seen_{};
};

// Throws Error for a prompt that a sequence of `context` positions cannot take.
void check_prompt(std::span<const Token> prompt, int context, int vocab_size);

struct Sequence {
  // state.max_generate_rows is 1 + the most drafts a round may have.
  Sequence(Device& device, const Model& model, const StateShape& shape, std::span<const Token> prompt,
           SamplingParameters sampling);
  // As if made anew with another prompt, keeping the memory.
  void restart(std::span<const Token> prompt, SamplingParameters sampling);

  SamplingParameters parameters;
  // Prompt and output so far. The last output token has not been through the trunk yet.
  std::vector<Token> tokens;
  int prompt_length = 0;
  // A round ends after one of these, sorted.
  std::vector<Token> stop_tokens;
  // What may be chosen; null: anything. Once it allows nothing the sequence is exhausted and takes no further step.
  TokenConstraint* constraint = nullptr;
  bool exhausted = false;
  SequenceState state;

  // This round's drafts: the first head_drafts by the draft head, the others copied from the text. How many of each the caller wants at
  // most (0 and 0: plain decoding), and when the head should stop before.
  std::vector<Token> drafts;
  int head_drafts = 0;
  int draft_budget = 0, lookup_budget = 0;
  // The head's drafts behind those, as long as they are known to the device alone: their rows in Drafter::drafts_ahead().
  std::vector<int> ahead;
  // Rows that the round's pass had for drafts: more than drafts where a chain turned out to have ended before.
  int verified_drafts = 0;
  LookupMatch repetition;  // what may be copied, found when the round was planned
  // Prompt rows that the next step may take at most.
  int prompt_budget = std::numeric_limits<int>::max();
  LeastReach least_reach{};
  ConfidenceTable confidence;
  std::vector<float> confidences;  // the head's own probability of each of its drafts; filled where wants_confidences()
  std::vector<Token> suggestion;  // what a short match would draft; taken when the head's first draft agrees

  // The newest kept_count tokens have just been settled; row i of kept_hidden is the trunk's hidden state that token i of them was
  // predicted from. It is what a draft head needs to catch up. In the middle of a prompt: kept_count is 0 and row 0 is the hidden
  // state of the last prompt token seen.
  int kept_count = 0;
  OwnedTensor kept_hidden;  // max_generate_rows x width

  SequenceStats stats;

  // Another draft of the head, with its own probability of it.
  void add_head_draft(Token draft, float probability);
  // Whether the chain so far is likely enough to be right for another draft to pay.
  bool is_worth_another() const;
  // The drafts that were ahead, now that the words of all such drafts are here; up to where the chain ended, if it did.
  void take_ahead(std::span<const int32_t> words);

  int length() const { return static_cast<int>(tokens.size()); }
  int draft_count() const { return static_cast<int>(drafts.size() + ahead.size()); }
  bool wants_confidences() const { return least_reach[0] > 0; }
  // Where the end of the text stood before.
  LookupMatch find_repetition();
  int max_drafts() const { return state.shape().max_generate_rows - 1; }
  std::span<const Token> output() const { return std::span(tokens).subspan(static_cast<size_t>(prompt_length)); }
  bool in_prompt() const { return length() == prompt_length; }
  bool is_stop(Token token) const { return std::binary_search(stop_tokens.begin(), stop_tokens.end(), token); }
  // Room for the next token to go through the trunk.
  bool is_full() const { return state.length() >= state.shape().max_length; }

 private:
  LookupIndex lookup_;
};

}  // namespace paceline
