#pragma once
// Chooses the token of a position: a pure function of (logits, parameters, tokens before the position, seed, position), which is what
// makes speculation invisible (docs/numerics.md, rule 1). Order as in llama.cpp: bias, penalties, top-k, top-p, min-p, temperature;
// then Gumbel-max with noise keyed by (seed, position, token). Ties go to the lower id; sums run in sorted order.
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "device/candidates.h"

namespace paceline {

using Token = int32_t;

struct LogitBias {
  Token token = 0;
  float bias = 0;
};

struct SamplingParameters {
  float temperature = 0.8f;  // <= 0: the most likely token
  int top_k = 40;  // <= 0: all
  float top_p = 0.95f;  // 1: off
  float min_p = 0.05f;  // 0: off
  float repeat_penalty = 1.0f;  // 1: off
  float presence_penalty = 0.0f;
  float frequency_penalty = 0.0f;
  int penalty_window = 64;  // last tokens the penalties look at; < 0: all
  std::vector<LogitBias> bias;
  uint64_t seed = 0;

  bool has_penalties() const { return repeat_penalty != 1.0f || presence_penalty != 0.0f || frequency_penalty != 0.0f; }
  bool changes_logits() const { return !bias.empty() || has_penalties(); }
};

// Whether a mask of allowed tokens has token t's bit: bit t % 32 of word t / 32.
inline bool is_allowed(std::span<const uint32_t> mask, Token token) {
  const uint32_t index = static_cast<uint32_t>(token);
  return index / 32 < mask.size() && (mask[index / 32] >> (index % 32) & 1u) != 0;
}

class Sampler {
 public:
  explicit Sampler(int vocab_size);

  // `logits` of vocab_size values is left alone. `history`: prompt and output before the position, oldest first; its length is the
  // position. Drafts are chosen by the same call on the draft head's logits, hence with the same noise; a draft head may know only some
  // tokens: then `ids` names them in rising order and logit i is that of ids[i]. `allowed`: a bit for each token that may be chosen, as in
  // token_constraint.h; empty means all. Where it allows none of the candidates, the result is a token that is not allowed.
  Token choose(std::span<const float> logits, const SamplingParameters& parameters, std::span<const Token> history,
               std::span<const Token> ids = {}, std::span<const uint32_t> allowed = {});

  // The same token from the highest ranked ones of the row alone, where they prove what the others cannot change; else nothing, and the row
  // has to be read. What is known of the others: they rank behind the last listed one, and the sum bounds how likely they are together.
  std::optional<Token> choose(const CandidateList& list, const SamplingParameters& parameters,
                              std::span<const Token> history, std::span<const uint32_t> allowed = {});

  // The ranking whose list most likely proves the choice: by noise where nothing but it, and min-p, decides among all tokens.
  static CandidateRanking ranking(const SamplingParameters& parameters, size_t history_length, bool is_constrained);

 private:
  struct Candidate {
    Token token;  // of a whole row: the index of its logit
    float logit;
  };
  struct MoreLikely {
    bool operator()(const Candidate& a, const Candidate& b) const {
      return a.logit > b.logit || (a.logit == b.logit && a.token < b.token);
    }
  };
  static double lowest_by_min_p(float best, float share);
  // What is known of tokens of the row that are not among candidates_ (none, where the whole row was read).
  struct Rest {
    size_t count = 0;  // of those that top-k keeps
    float logit = 0;  // none is above
    double score = 0;  // nor with noise
    double least_sum = 0,
           most_sum = 0;  // of exp(logit - that of the best candidate) over all that top-k keeps, candidates included
  };
  // How many of the most likely are kept: between these, and known to be so.
  struct Kept {
    size_t least, most;
  };
  struct Winner {
    size_t index = 0;
    double score = 0;
  };

  // Bias and penalties; logit_of(token) is a pointer, null when the row does not have it.
  void adjust(const SamplingParameters& parameters, std::span<const Token> history,
              const std::function<float*(Token)>& logit_of);
  void adjust_row(std::span<const float> logits, const SamplingParameters& parameters, std::span<const Token> history,
                  std::span<const Token> ids);
  void forbid(std::span<const Token> ids, std::span<const uint32_t> allowed);
  void keep_top_k(std::span<const float> logits, int count);
  void drop_forbidden(std::span<const uint32_t> allowed);
  Kept kept_by_top_p(float share, const Rest& rest) const;
  Kept kept_by_min_p(float share, const Rest& rest) const;
  // Of the first `count` candidates.
  Winner winner(const SamplingParameters& parameters, int64_t position, std::span<const Token> ids, size_t count) const;
  // From candidates_, sorted; always a token where there is no rest.
  std::optional<Token> pick(const SamplingParameters& parameters, int64_t position, std::span<const Token> ids,
                            const Rest& rest) const;

  // Of a list: bias and penalties; returns a bound of the logits behind it, nothing where there is none.
  std::optional<float> adjust_list(const CandidateList& list, const SamplingParameters& parameters,
                                   std::span<const Token> history);
  // Leaves the candidates that stand before everything else in the row, sorted.
  void keep_certain(const CandidateList& list, bool is_adjusted, float rest_logit, std::span<const uint32_t> allowed);
  Rest rest_of(const CandidateList& list, const SamplingParameters& parameters, float rest_logit, size_t count,
               bool is_constrained) const;
  std::optional<Token> choose_by_noise(const CandidateList& list, const SamplingParameters& parameters,
                                       int64_t position);

  std::vector<float> adjusted_;
  std::vector<Candidate> candidates_;
  std::vector<std::pair<Token, size_t>> places_;  // of a list's tokens, sorted
  std::vector<std::pair<Token, int>> counts_;
};

}  // namespace paceline
