#pragma once
// Chooses the token of a position: a pure function of (logits, parameters, tokens before the position, seed, position), which is what
// makes speculation invisible (docs/numerics.md, rule 1). Order as in llama.cpp: bias, penalties, top-k, top-p, min-p, temperature;
// then Gumbel-max with noise keyed by (seed, position, token). Ties go to the lower id; sums run in sorted order.
#include <cstdint>
#include <span>
#include <vector>

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
};

// Whether a mask of allowed tokens has token t's bit: bit t % 32 of word t / 32.
inline bool is_allowed(std::span<const uint32_t> mask, Token token) {
  const uint32_t index = static_cast<uint32_t>(token);
  return index / 32 < mask.size() && (mask[index / 32] >> (index % 32) & 1u) != 0;
}

// Noise of one (seed, position, token): standard Gumbel, finite.
double gumbel_noise(uint64_t seed, int64_t position, Token token);

class Sampler {
 public:
  explicit Sampler(int vocab_size);

  // `logits` of vocab_size values is left alone. `history`: prompt and output before the position, oldest first; its length is the
  // position. Drafts are chosen by the same call on the draft head's logits, hence with the same noise; a draft head may know only some
  // tokens: then `ids` names them in rising order and logit i is that of ids[i]. `allowed`: a bit for each token that may be chosen, as in
  // token_constraint.h; empty means all. Where it allows none of the candidates, the result is a token that is not allowed.
  Token choose(std::span<const float> logits, const SamplingParameters& parameters, std::span<const Token> history,
               std::span<const Token> ids = {}, std::span<const uint32_t> allowed = {});

 private:
  struct Candidate {
    Token token;  // index of the logit until the end
    float logit;
  };
  // The logit of a token, or nullptr when the head does not know it.
  float* adjusted(Token token, std::span<const Token> ids);
  void adjust(std::span<const float> logits, const SamplingParameters& parameters, std::span<const Token> history,
              std::span<const Token> ids);
  void forbid(std::span<const Token> ids, std::span<const uint32_t> allowed);
  void keep_top_k(std::span<const float> logits, int count);
  void keep_top_p(float share);
  void keep_min_p(float share);

  std::vector<float> adjusted_;
  std::vector<Candidate> candidates_;
  std::vector<std::pair<Token, int>> counts_;
};

}  // namespace paceline
