#include "app/synth/filler.h"

#include <cmath>
#include <cstring>
#include <vector>

#include "base/error.h"
#include "base/random.h"

namespace paceline::synth {

namespace {

uint64_t hash_text(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325ull;  // FNV-1a
  for (const unsigned char byte : text) hash = (hash ^ byte) * 0x100000001b3ull;
  return hash;
}

const TensorPlan& find_embedding(std::span<const TensorPlan> plans) {
  for (const TensorPlan& plan : plans)
    if (plan.name == "token_embd.weight") return plan;
  fail("synth plan without token_embd.weight");
}

}  // namespace

Filler::Filler(const ModelShape& shape, std::span<const TensorPlan> plans, const SuccessorMap* map, uint64_t seed)
    : map_(map),
      embedding_(find_embedding(plans)),
      code_drawer_(embedding_.type, embedding_.scale),
      output_gain_(coded_output_gain(shape)),
      seed_(seed) {}

uint64_t Filler::key(const TensorPlan& plan) const { return random_word(seed_, hash_text(plan.name)); }

void Filler::fill(const TensorPlan& plan, int64_t first_row, std::span<std::byte> out) const {
  switch (plan.fill) {
    case Fill::Random: return fill_random(plan, first_row, out);
    case Fill::CodedEmbedding: return fill_embedding(plan, first_row, out);
    case Fill::CodedOutput: return fill_output(plan, first_row, out);
    case Fill::PassEmbedding: return fill_pass(plan, first_row, out);
    case Fill::NearScale:
    case Fill::EvenColumns:
    case Fill::OddColumns:
    case Fill::Decay:
    case Fill::TimeStep: return fill_vector(plan, out);
  }
}

void Filler::fill_random(const TensorPlan& plan, int64_t first_row, std::span<std::byte> out) const {
  const uint64_t blocks_per_row = static_cast<uint64_t>(plan.columns() / format_info(plan.type).block_size);
  BlockDrawer(plan.type, plan.scale).draw(out, key(plan), static_cast<uint64_t>(first_row) * blocks_per_row);
}

void Filler::fill_vector(const TensorPlan& plan, std::span<std::byte> out) const {
  const uint64_t stream = key(plan);
  for (size_t i = 0; i < out.size() / sizeof(float); ++i) {
    const float value = vector_value(plan, mix64(stream + i), i);
    std::memcpy(out.data() + i * sizeof value, &value, sizeof value);
  }
}

float Filler::vector_value(const TensorPlan& plan, uint64_t random, size_t column) const {
  const double u = unit_interval(random);
  switch (plan.fill) {
    case Fill::NearScale: return static_cast<float>(plan.scale * (0.9 + 0.2 * u));
    case Fill::EvenColumns: return column % 2 == 0 ? 1 : kLeak;
    case Fill::OddColumns: return column % 2 == 1 ? 1 : kLeak;
    case Fill::Decay: return static_cast<float>(-std::exp(u * std::log(16.0)));
    case Fill::TimeStep: return static_cast<float>(std::log(std::expm1(0.001 * std::pow(100.0, u))));
    default: fail("synth: ", plan.name, " is no vector");
  }
}

void Filler::draw_code(int code, std::span<std::byte> out) const {
  const uint64_t blocks_per_row = static_cast<uint64_t>(embedding_.columns() / format_info(embedding_.type).block_size);
  code_drawer_.draw(out, key(embedding_), static_cast<uint64_t>(code) * blocks_per_row);
}

void Filler::decode_code(int code, std::span<std::byte> scratch, std::span<float> values) const {
  draw_code(code, scratch);
  format_info(embedding_.type).decode(scratch.data(), values.data(), values.size());
}

void Filler::fill_embedding(const TensorPlan& plan, int64_t first_row, std::span<std::byte> out) const {
  const size_t bytes = row_bytes(plan.type, plan.columns());
  for (size_t at = 0; at < out.size(); at += bytes, ++first_row)
    draw_code(map_->code(static_cast<int>(first_row)), out.subspan(at, bytes));
}

void Filler::fill_output(const TensorPlan& plan, int64_t first_row, std::span<std::byte> out) const {
  const FormatInfo& info = format_info(plan.type);
  const size_t bytes = row_bytes(plan.type, plan.columns()), columns = static_cast<size_t>(plan.columns());
  std::vector<std::byte> scratch(row_bytes(embedding_.type, embedding_.columns()));
  std::vector<float> trunk(columns), draft(columns);
  for (size_t at = 0; at < out.size(); at += bytes, ++first_row) {
    const int id = static_cast<int>(first_row);
    const std::span<std::byte> row = out.subspan(at, bytes);
    if (map_->trunk_predecessor(id) < 0) {
      fill_random(plan, first_row, row);
      continue;
    }
    decode_code(map_->trunk_predecessor(id), scratch, trunk);
    decode_code(map_->draft_predecessor(id), scratch, draft);
    for (size_t i = 0; i < columns; ++i) trunk[i] = output_gain_ * (i % 2 == 0 ? trunk[i] : draft[i]);
    info.encode(trunk.data(), row.data(), columns);
  }
}

void Filler::fill_pass(const TensorPlan& plan, int64_t first_row, std::span<std::byte> out) const {
  const FormatInfo& info = format_info(plan.type);
  const size_t bytes = row_bytes(plan.type, plan.columns()), block_bytes = static_cast<size_t>(info.block_bytes);
  fill_random(plan, first_row, out);
  for (size_t at = 0; at < out.size(); at += bytes, ++first_row) {
    const size_t block = static_cast<size_t>(first_row / info.block_size);
    spike_block(plan.type, out.subspan(at + block * block_bytes, block_bytes),
                static_cast<int>(first_row % info.block_size));
  }
}

}  // namespace paceline::synth
