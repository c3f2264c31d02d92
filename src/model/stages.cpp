#include "model/stages.h"

#include <algorithm>

namespace paceline {

Stage::Stage(Device& device_, int max_rows, int width) : device(device_), scratch(device_, max_rows) {
  x = scratch.get("x", width);
  normed = scratch.get("normed", width);
}

Stages::Stages(Device& main, int block_count, int max_rows, int width) {
  PACELINE_ASSERT(&main.layer_device(block_count) == &main);  // the draft block is here
  stage_on(main, max_rows, width);
  for (int block = 0; block < block_count; ++block)
    of_block_.push_back(&stage_on(main.layer_device(block), max_rows, width));
  tokens_ = of_embedding().scratch.get("tokens", 1, DType::I32);
}

Stage& Stages::stage_on(Device& device, int max_rows, int width) {
  const auto found =
      std::find_if(stages_.begin(), stages_.end(), [&](const auto& stage) { return &stage->device == &device; });
  if (found != stages_.end()) return **found;
  return *stages_.emplace_back(std::make_unique<Stage>(device, max_rows, width));
}

Stage& Stages::embed(const Weight& table, Tensor tokens) {
  Stage& stage = of_embedding();
  if (&stage != &main()) {
    const Tensor moved = tokens_.row_range(0, tokens.rows);
    move_rows(stage.device, moved, main().device, tokens);
    tokens = moved;
  }
  stage.device.embed(stage.x.row_range(0, tokens.rows), table, tokens);
  return stage;
}

Stage& Stages::go_on(Stage& from, Stage& to, int rows) {
  if (&from != &to) move_rows(to.device, to.x.row_range(0, rows), from.device, from.x.row_range(0, rows));
  return to;
}

void move_rows(Device& to_device, Tensor to, Device& from_device, Tensor from) {
  PACELINE_ASSERT(to.rows == from.rows && to.cols == from.cols && to.dtype == from.dtype);
  if (from_device.memory_is_host()) {
    PACELINE_ASSERT(from.stride == from.cols);
    return to_device.write(to, from.data);
  }
  PACELINE_ASSERT(to_device.memory_is_host() && to.stride == to.cols);
  from_device.read(to.data, from);
}

}  // namespace paceline
