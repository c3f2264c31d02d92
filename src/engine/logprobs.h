#pragma once
// What a model thought of the tokens of a position: logarithms of its own probabilities, before anything the sampler does.
#include <span>
#include <utility>
#include <vector>

#include "engine/engine.h"

namespace paceline {

struct LogprobRow {
  float chosen = 0;
  std::vector<TokenLogprob> alternatives;  // the most likely ones, ties to the lower id
};

// scratch: reused between calls.
LogprobRow logprob_row(std::span<const float> logits, Token chosen, int alternatives,
                       std::vector<std::pair<float, Token>>& scratch);

}  // namespace paceline
