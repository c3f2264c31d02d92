// Mixture of experts: rows are grouped by expert, so that each expert's weights are read once, and summed per row in rank order.
#include <algorithm>
#include <cmath>
#include <limits>

#include "device/cpu/cpu_device.h"

namespace paceline::cpu {

namespace {

constexpr float kLeastShareSum = 6.1e-5f;  // spec 6

// The used_count largest logits, ties to the lower id, largest first: each is the best of those that come after the one before it. Where
// nothing compares (NaN), any id will do: its share is NaN.
void choose_experts(const float* logits, int expert_count, int* ids, int used_count) {
  float last = std::numeric_limits<float>::infinity();
  int last_id = -1;
  for (int rank = 0; rank < used_count; ++rank) {
    int best = -1;
    for (int id = 0; id < expert_count; ++id) {
      const bool after = logits[id] < last || (logits[id] == last && id > last_id);
      if (after && (best < 0 || logits[id] > logits[best])) best = id;
    }
    ids[rank] = std::max(best, 0);
    last_id = ids[rank];
    last = logits[last_id];
  }
}

}  // namespace

void CpuDevice::route(Tensor ids, Tensor shares, Tensor logits, const ExpertShape& shape) {
  checks::route(ids, shares, logits, shape);
  const size_t experts = static_cast<size_t>(shape.expert_count);
  float* all = gates_.get<float>(static_cast<size_t>(logits.rows) * experts);
  for_rows(logits.rows, 16 * shape.expert_count, [&](int row) {
    float* probabilities = all + static_cast<size_t>(row) * experts;
    const float sum = kernels_.exponentials(probabilities, logits.f32(row), shape.expert_count);
    choose_experts(logits.f32(row), shape.expert_count, ids.i32(row), shape.used_count);
    float used = 0;
    for (int rank = 0; rank < shape.used_count; ++rank) used += probabilities[ids.i32(row)[rank]] / sum;
    used = std::max(used, kLeastShareSum);
    for (int rank = 0; rank < shape.used_count; ++rank)
      shares.f32(row)[rank] = probabilities[ids.i32(row)[rank]] / sum / used;
  });
}

// Pairs (row, rank) sorted by expert: run_experts_ and run_lengths_ of the experts in use, pair_rows_ in that order, and the place of pair
// row * used + rank in it.
void CpuDevice::group_by_expert(Tensor ids, int expert_count) {
  expert_counts_.assign(static_cast<size_t>(expert_count) + 1, 0);
  for (int row = 0; row < ids.rows; ++row)
    for (int rank = 0; rank < ids.cols; ++rank) {
      const int expert = ids.i32(row)[rank];
      PACELINE_ASSERT(expert >= 0 && expert < expert_count);
      ++expert_counts_[static_cast<size_t>(expert) + 1];
    }
  run_lengths_.clear();
  run_experts_.clear();
  for (int expert = 0; expert < expert_count; ++expert) {
    const size_t next = static_cast<size_t>(expert) + 1;
    if (expert_counts_[next] > 0) {
      run_experts_.push_back(expert);
      run_lengths_.push_back(expert_counts_[next]);
    }
    expert_counts_[next] += expert_counts_[next - 1];
  }
  pair_rows_.resize(static_cast<size_t>(ids.rows * ids.cols));
  pair_places_.resize(pair_rows_.size());
  for (int row = 0; row < ids.rows; ++row)
    for (int rank = 0; rank < ids.cols; ++rank) {
      const int place = expert_counts_[static_cast<size_t>(ids.i32(row)[rank])]++;
      pair_rows_[static_cast<size_t>(place)] = row;
      pair_places_[static_cast<size_t>(row * ids.cols + rank)] = place;
    }
}

void CpuDevice::project_experts(Tensor out, Tensor x, Tensor ids, Tensor shares, const ExpertWeights& weights) {
  checks::project_experts(out, x, ids, shares, weights);
  const auto &gate = static_cast<const CpuWeight&>(*weights.gate), &up = static_cast<const CpuWeight&>(*weights.up);
  const auto& down = static_cast<const CpuWeight&>(*weights.down);
  group_by_expert(ids, gate.expert_count());
  const int pairs = static_cast<int>(pair_rows_.size()), inner = gate.rows;
  float* raised = expert_inner_.get<float>(static_cast<size_t>(pairs) * static_cast<size_t>(2 * inner));
  const Tensor gated{raised, DType::F32, pairs, inner, 2 * inner},
      lifted = {raised + inner, DType::F32, pairs, inner, 2 * inner};

  const bool plain_gate = is_float_format(gate.type), plain_up = is_float_format(up.type),
             plain_down = is_float_format(down.type);
  activations_.prepare(pool_, kernels_, x, pair_rows_, run_lengths_,
                       {!plain_gate || !plain_up, plain_gate || plain_up});
  products_.clear();
  for (int run = 0; run < static_cast<int>(run_experts_.size()); ++run) {
    const int expert = run_experts_[static_cast<size_t>(run)], first = activations_.run(run).first;
    products_.push_back({&gate, expert, run, gated.f32(first), gated.stride, false});
    products_.push_back({&up, expert, run, lifted.f32(first), lifted.stride, false});
  }
  matmul_.multiply(pool_, kernels_, activations_, products_);
  swiglu(gated, gated, lifted);

  float* results = expert_out_.get<float>(static_cast<size_t>(pairs) * static_cast<size_t>(down.rows));
  activations_.prepare(pool_, kernels_, gated, {}, run_lengths_, {!plain_down, plain_down});
  products_.clear();
  for (int run = 0; run < static_cast<int>(run_experts_.size()); ++run)
    products_.push_back({&down, run_experts_[static_cast<size_t>(run)], run,
                         results + int64_t{activations_.run(run).first} * down.rows, down.rows, false});
  matmul_.multiply(pool_, kernels_, activations_, products_);
  add_experts(out, shares, ids.cols, results);
}

// out += shares of the results, in rank order.
void CpuDevice::add_experts(Tensor out, Tensor shares, int used_count, const float* results) {
  auto* terms = expert_rows_.get<const float*>(pair_places_.size());
  for_rows(out.rows, out.cols * used_count, [&](int row) {
    const float** mine = terms + int64_t{row} * used_count;
    for (int rank = 0; rank < used_count; ++rank)
      mine[rank] = results + int64_t{pair_places_[static_cast<size_t>(row * used_count + rank)]} * out.cols;
    kernels_.add_combination(out.f32(row), mine, shares.f32(row), used_count, out.cols);
  });
}

void CpuDevice::add_shared_expert(Tensor out, Tensor shared, Tensor x, Tensor gate) {
  checks::same_shape(out, shared);
  checks::rms_norm(x, x, gate);
  PACELINE_ASSERT(out.rows == x.rows);
  for_rows(out.rows, 2 * out.cols, [&](int row) {
    const double score = kernels_.dot(x.f32(row), gate.f32(), x.cols);
    kernels_.add_scaled(out.f32(row), shared.f32(row), static_cast<float>(1.0 / (1.0 + std::exp(-score))), out.cols);
  });
}

}  // namespace paceline::cpu
