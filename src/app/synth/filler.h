#pragma once
// The bytes of a planned tensor, any range of its rows, from any thread. The construction of --accept (docs/synth.md):
//
//   Embedding rows are random codes. The trunk's last norm lets the even columns through, the draft block's last norm the odd ones;
//   eh_proj passes the embedding half of its input on. Row u of the head carries, in its even columns, the code of the id after which
//   the trunk says u, and in its odd columns that of the id after which the head drafts u. Codes are nearly orthogonal, so
//   logit(u) stands out by sqrt(width / 2) deviations.
#include <optional>
#include <span>

#include "app/synth/block_drawing.h"
#include "app/synth/successor_map.h"
#include "app/synth/tensor_plan.h"

namespace paceline::synth {

class Filler {
 public:
  // `map` is null unless the plan is coded; `plans` and `map` outlive the filler.
  Filler(const ModelShape& shape, std::span<const TensorPlan> plans, const SuccessorMap* map, uint64_t seed);

  // Rows [first_row, first_row + n) of a tensor, n = out.size() / bytes of a row.
  void fill(const TensorPlan& plan, int64_t first_row, std::span<std::byte> out) const;

 private:
  uint64_t key(const TensorPlan& plan) const;
  void fill_random(const TensorPlan& plan, int64_t first_row, std::span<std::byte> out) const;
  void fill_vector(const TensorPlan& plan, std::span<std::byte> out) const;
  float vector_value(const TensorPlan& plan, uint64_t random, size_t column) const;
  void fill_embedding(const TensorPlan& plan, int64_t first_row, std::span<std::byte> out) const;
  void fill_output(const TensorPlan& plan, int64_t first_row, std::span<std::byte> out) const;
  void fill_pass(const TensorPlan& plan, int64_t first_row, std::span<std::byte> out) const;
  void draw_code(int code, std::span<std::byte> out) const;
  void decode_code(int code, std::span<std::byte> scratch, std::span<float> values) const;

  const SuccessorMap* map_;
  const TensorPlan& embedding_;
  BlockDrawer code_drawer_;
  float output_gain_;
  uint64_t seed_;
};

}  // namespace paceline::synth
