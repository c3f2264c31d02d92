#pragma once
// The devices a model's blocks live on, and the way of the residual stream between them. A stage is a device with memory to work in; usually
// there is one. A split device (device/split_device.h) makes two: the first blocks' and the main one, which also has what is not a block.
// Models stay readable: they ask a block's stage, and go_on() moves rows where the stage changes.
#include <memory>
#include <vector>

#include "device/device.h"
#include "model/blocks.h"

namespace paceline {

struct Stage {
  Stage(Device& device_, int max_rows, int width);

  Device& device;
  Scratch scratch;
  Tensor x, normed;  // max_rows x width: residual stream, normed input of a mixer
};

class Stages {
 public:
  Stages(Device& main, int block_count, int max_rows, int width);

  // Hidden states, output head and draft block are here.
  Stage& main() { return *stages_.front(); }
  Stage& of_block(int block) { return *of_block_[static_cast<size_t>(block)]; }
  // The embedding tables are where the first block is: on a split device the large table stays out of the main device's memory, and only rows
  // of it are moved.
  Stage& of_embedding() { return of_block(0); }

  // The first rows of that stage's x become those of `table`; tokens are on the main device.
  Stage& embed(const Weight& table, Tensor tokens);
  // The first `rows` rows of x go on in `to`, which is returned.
  Stage& go_on(Stage& from, Stage& to, int rows);

 private:
  Stage& stage_on(Device& device, int max_rows, int width);

  std::vector<std::unique_ptr<Stage>> stages_;  // main first
  std::vector<Stage*> of_block_;
  Tensor tokens_;  // of a batch, where the embedding is
};

// Copies rows from one device's memory to another's. One of the two is the host's, where the rows lie without gaps.
void move_rows(Device& to_device, Tensor to, Device& from_device, Tensor from);

}  // namespace paceline
