#pragma once
// Writes a synthetic model: plan, then fill and write chunk by chunk, so memory stays at two chunks whatever the size. Deterministic:
// the bytes depend on the options alone, not on threads or machine.
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "app/synth/quant_mix.h"
#include "app/synth/shapes.h"

namespace paceline::synth {

struct SynthesisOptions {
  const ModelShape* shape = nullptr;
  const QuantMix* mix = nullptr;
  std::optional<double> accept;  // none: random weights
  double rare = 0;
  uint64_t seed = 0;
  int threads = 1;
  std::string path;
  std::function<void(uint64_t done, uint64_t total)> on_progress;  // bytes of tensors
};

struct SynthesisResult {
  size_t tensor_count = 0;
  uint64_t tensor_bytes = 0;
};

SynthesisResult synthesize(const SynthesisOptions& options);

}  // namespace paceline::synth
