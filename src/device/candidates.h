#pragma once
// The few tokens of a row of logits that a choice is made from, as Device::list_candidates hands them to the host: one read of a few hundred
// bytes a row instead of one of the whole row. What is proven by them, and how, is in engine/sampler.h.
//
// A row of the operation's result is 4-byte words: the largest logit, the sum, `count` tokens, their `count` logits.
#include <algorithm>
#include <bit>
#include <cstdint>
#include <span>

#include "base/error.h"

namespace paceline {

// By what a row's tokens are ranked. Temperature 0: by logit. Above: by logit / temperature + gumbel_noise(seed, position, token), which the
// device computes roughly.
struct CandidateRanking {
  float temperature = 0;
  uint64_t seed = 0;
  int64_t position = 0;

  bool by_noise() const { return temperature > 0; }
};

inline constexpr int kMostCandidates = 256;

// Bounds that every device keeps and the op suite checks.
// The sum's relative error. Devices add f32 in trees and short runs, some 2^-18; exp() of a rounded difference d adds |d| 2^-24.
inline constexpr double kCandidateSumError = 0x1p-12;
// A rough score's error is at most this times (|score| + 64). In f32, with |logit / temperature| <= |score| + 37 (noise is -3.6 … 36.8): the
// quotient is off by 2^-24 of itself, the inner logarithm by 2^-22 of itself, which is what it adds to the outer one, that one by 2^-23 of at
// most 37, the sum by 2^-24 of itself; together less than 2^-22 (|score| + 64).
inline constexpr double kCandidateScoreError = 0x1p-20;
// Scores beyond it, either way, are not told apart: f32 ends there.
inline constexpr double kCandidateScoreLimit = 1e37;

inline constexpr int kFirstCandidateWord = 2;
constexpr int candidate_words(int count) { return kFirstCandidateWord + 2 * count; }
// Tokens that a result of so many words has room for.
constexpr int candidate_room(int words) { return (words - kFirstCandidateWord) / 2; }

struct CandidateList {
  // Of a row of `cols` logits, from the words of a result with room for `count` tokens.
  CandidateList(std::span<const int32_t> words, int cols, const CandidateRanking& by)
      : column_count(cols), largest(std::bit_cast<float>(words[0])), sum(std::bit_cast<float>(words[1])), ranking(by) {
    const size_t count = static_cast<size_t>(candidate_room(static_cast<int>(words.size()))),
                 listed = std::min(count, static_cast<size_t>(cols));
    tokens = words.subspan(kFirstCandidateWord, listed);
    logit_words = words.subspan(kFirstCandidateWord + count, listed);
  }

  float logit(size_t i) const { return std::bit_cast<float>(logit_words[i]); }
  size_t size() const { return tokens.size(); }
  bool is_complete() const { return static_cast<int>(tokens.size()) == column_count; }
  // A row with NaN, or whose largest logit is not finite, is not: nothing is said about it but its list.
  bool is_ordinary() const { return sum > 0; }

  int column_count;
  float largest;  // of all logits
  float sum;  // of exp(logit - largest) over all of them
  CandidateRanking ranking;
  std::span<const int32_t> tokens;  // best first, ties to the lower column
  std::span<const int32_t> logit_words;
};

// How a draft is chosen from a list (Device::choose_drafts): by the sampler's rule, of which neither penalties, bias nor masks are part.
struct DraftRule {
  float temperature = 0;  // <= 0: the first of the list
  int top_k = 0;  // <= 0: all
  float top_p = 1, min_p = 0;  // 1, 0: off
  uint64_t seed = 0;
  int64_t position = 0;
};

// A row of that operation's result: the token, then its probability among all tokens of the row.
inline constexpr int kDraftWords = 2;

struct ChosenDraft {
  explicit ChosenDraft(std::span<const int32_t> words) : token(words[0]), probability(std::bit_cast<float>(words[1])) {}

  // A row that is not numbers chooses nothing, and neither does one whose choice f32 cannot tell from impossible.
  bool is_choice() const { return probability > 0; }

  int32_t token;  // one of the list, whatever the row is
  float probability;
};

}  // namespace paceline
