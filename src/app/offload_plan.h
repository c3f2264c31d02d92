#pragma once
// How many layers of a model go to the GPU (-ngl), and what that takes. The layers are the blocks of the trunk and, as one more and the last,
// the output head with the draft block; the GPU gets the last ones. Nothing is estimated from the file: the model is loaded into devices
// that only count (device/counting_device.h), for one division after another.
#include <optional>
#include <string>
#include <vector>

#include "device/device.h"
#include "engine/runner.h"
#include "gguf/reader.h"
#include "model/model.h"

namespace paceline {

// What the flags ask for.
struct LayerWish {
  enum class Kind { All, Fitting, Count };
  Kind kind = Kind::All;
  int64_t count = 0;  // of Kind::Count, at least 1; more than there are means all
};

struct SlotDemand {
  int slots = 1, context = 1;  // positions of each
};

struct OffloadRequest {
  LayerWish wish;
  RunnerOptions pass;  // the widest
  KvTypes kv;
  // What Kind::Fitting leaves room for, and what there must be room for: less where slots and context were left open.
  SlotDemand usual, least;
};

struct OffloadPlan {
  int block_count = 0;  // of the trunk
  int gpu_layers = 0;  // 0 … block_count + 1
  std::vector<std::string> lines;  // for people: what runs where, how much memory it takes, why

  bool all_on_gpu() const { return gpu_layers == block_count + 1; }
  // Those not on the GPU; gpu_layers is not 0.
  int first_blocks() const { return block_count + 1 - gpu_layers; }
};

// `gpu` is asked how much of its memory is free. Throws Error when more layers are asked for than fit, saying how many would.
OffloadPlan plan_offload(const GgufFile& file, Device& gpu, Device& cpu, const OffloadRequest& request);

// Kept free for what cannot be counted before: work memory of the GPU's operations (attention takes up to half of it), their code.
inline constexpr uint64_t kGpuReserve = uint64_t{1} << 30;

}  // namespace paceline
