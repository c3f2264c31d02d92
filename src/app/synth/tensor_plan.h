#pragma once
// Every tensor of a synthetic model in file order: name, type, shape, and what to fill it with. Shapes are spec section 3.1's.
//
// Deviations keep activations sane at any depth: a projection of a normed input has deviation 1, and the branches of all blocks
// together add about as much to the residual stream as the embedding put there (a quarter of it with --accept).
#include <cstdint>
#include <string>
#include <vector>

#include "app/synth/quant_mix.h"
#include "app/synth/shapes.h"

namespace paceline::synth {

enum class Fill {
  Random,  // deviation `scale`
  NearScale,  // scale * (1 ± 0.1), for norms
  EvenColumns,  // 1 at even columns, kLeak at odd ones: the norm before the head in the trunk of a coded model
  OddColumns,  // the other way round: the norm before the head in its draft block
  Decay,  // ssm_a: negative, -16 … -1
  TimeStep,  // ssm_dt: softplus gives 0.001 … 0.1
  CodedEmbedding,  // rows by SuccessorMap::code
  CodedOutput,  // rows by SuccessorMap's predecessors
  PassEmbedding,  // eh_proj: identity on the embedding half, `scale` around it
};

inline constexpr float kLeak = 1.0f / 32;

struct TensorPlan {
  std::string name;
  QuantType type = QuantType::F32;
  std::vector<int64_t> ne;
  Fill fill = Fill::Random;
  float scale = 1;

  int64_t columns() const { return ne[0]; }
  int64_t rows() const;
  uint64_t bytes() const { return static_cast<uint64_t>(rows()) * row_bytes(type, columns()); }
};

// `coded`: the construction of --accept (docs/synth.md); the head is then a tensor of its own even where the shape ties it.
std::vector<TensorPlan> plan_tensors(const ModelShape& shape, const QuantMix& mix, bool coded);

// Deviation of embedding values, and what a coded output row multiplies the embedding's values by.
float embedding_deviation(const ModelShape& shape, bool coded);
float coded_output_gain(const ModelShape& shape);

}  // namespace paceline::synth
