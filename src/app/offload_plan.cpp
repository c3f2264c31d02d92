#include "app/offload_plan.h"

#include <algorithm>

#include "base/error.h"
#include "base/strings.h"
#include "device/counting_device.h"
#include "device/split_device.h"
#include "engine/engine.h"
#include "engine/mtp_drafter.h"

namespace paceline {

namespace {

// What one division of the model takes.
struct Needs {
  int block_count = 0;
  bool has_draft_block = false;
  uint64_t gpu_model = 0, cpu_model = 0;  // weights, and what a pass computes in
  uint64_t gpu_engine = 0;  // logits, hidden states, the draft vocabulary
  StateBytes usual, least;  // all slots
};

// Memory that must be free on the GPU: the engine takes a share of what the model leaves for slots, and works in the rest.
uint64_t gpu_bytes(const Needs& needs, const StateBytes& slots) {
  uint64_t rest = slots.device + needs.gpu_engine + kGpuReserve;
  if (Engine::slot_memory(rest) < slots.device) rest = slots.device / 3 * 4 + 4;
  return needs.gpu_model + rest;
}

// Rounded up, as what is free is rounded down: never less than that when it does not fit.
uint64_t taken_mib(uint64_t bytes) { return (bytes + (uint64_t{1} << 20) - 1) >> 20; }

class Planner {
 public:
  Planner(const GgufFile& file, Device& gpu, Device& cpu, const OffloadRequest& request)
      : file_(file), gpu_(gpu), cpu_(cpu), request_(request), free_(gpu.available_bytes()) {
    all_ = measure(0);
    layer_count_ = all_.block_count + 1;
  }

  OffloadPlan plan() {
    OffloadPlan out;
    out.block_count = all_.block_count;
    if (request_.wish.kind == LayerWish::Kind::Fitting) {
      out.gpu_layers = most_layers(&Needs::usual);
    } else {
      const bool all = request_.wish.kind == LayerWish::Kind::All;
      out.gpu_layers = all ? layer_count_ : static_cast<int>(std::min<int64_t>(request_.wish.count, layer_count_));
      if (!fits(of_layers(out.gpu_layers), &Needs::least)) fail_too_many(out.gpu_layers);
    }
    out.lines = out.gpu_layers == 0 ? std::vector{nothing_fits()} : describe(out);
    return out;
  }

 private:
  using Slots = StateBytes Needs::*;

  Needs measure(int first_blocks) {
    CountingDevice gpu(gpu_), cpu(cpu_);
    SplitDevice split(gpu, cpu, first_blocks);
    const std::unique_ptr<Model> model =
        load_model(file_, split, {.max_batch_rows = max_batch_rows(request_.pass), .on_progress = {}});
    Needs needs;
    needs.block_count = model->facts().trunk_layer_count;
    needs.has_draft_block = model->facts().has_draft_head;
    needs.gpu_model = gpu.bytes(), needs.cpu_model = cpu.bytes();
    const Runner runner(split, *model, nullptr, request_.pass);
    needs.gpu_engine = gpu.bytes() - needs.gpu_model;
    if (needs.has_draft_block) needs.gpu_engine += MtpDrafter::most_bytes(*model, request_.pass);
    needs.usual = slot_bytes(*model, split, request_.usual), needs.least = slot_bytes(*model, split, request_.least);
    return needs;
  }

  StateBytes slot_bytes(const Model& model, Device& split, const SlotDemand& demand) const {
    const int rows = 1 + request_.pass.max_drafts;
    const StateBytes one = state_bytes(model.state_shape(demand.context, rows, request_.kv), split);
    const uint64_t kept_hidden =
        sizeof(float) * static_cast<uint64_t>(rows) * static_cast<uint64_t>(model.facts().width);
    const uint64_t count = static_cast<uint64_t>(demand.slots);
    return {.host = one.host * count, .device = (one.device + kept_hidden) * count};
  }

  Needs of_layers(int gpu_layers) { return gpu_layers == layer_count_ ? all_ : measure(layer_count_ - gpu_layers); }

  bool fits(const Needs& needs, Slots slots) const { return gpu_bytes(needs, needs.*slots) <= free_; }

  // Each layer more takes more, so that halving finds the most.
  int most_layers(Slots slots) {
    int fitting = 0, too_many = layer_count_ + 1;
    if (fits(all_, slots)) return layer_count_;
    for (too_many = layer_count_; too_many - fitting > 1;) {
      const int middle = (fitting + too_many) / 2;
      (fits(of_layers(middle), slots) ? fitting : too_many) = middle;
    }
    return fitting;
  }

  [[noreturn]] void fail_too_many(int layers) {
    const Needs needs = of_layers(layers);
    const int fitting = most_layers(&Needs::least);
    fail(layers == layer_count_ ? "all " : "", layers, " layers",
         layers == layer_count_ ? "" : cat(" of ", layer_count_), " on the GPU take ",
         taken_mib(gpu_bytes(needs, needs.least)), " MiB of its memory, expected at most the ", free_ >> 20,
         " MiB that are free; ",
         fitting == 0 ? "not one layer fits: use -ngl 0"
                      : cat(fitting, " would fit: use -ngl ", fitting, " or -ngl auto"));
  }

  std::string nothing_fits() {
    const Needs needs = of_layers(1);
    return cat("all layers on the CPU: not one fits on the GPU, where the output head alone takes ",
               taken_mib(gpu_bytes(needs, needs.usual)), " MiB and ", free_ >> 20, " MiB are free");
  }

  std::string reason(const OffloadPlan& plan) const {
    switch (request_.wish.kind) {
      case LayerWish::Kind::All: return "as asked";
      case LayerWish::Kind::Count: return "as -ngl says";
      case LayerWish::Kind::Fitting: break;
    }
    return plan.all_on_gpu() ? "all fit" : "more do not fit";
  }

  std::vector<std::string> describe(const OffloadPlan& plan) {
    const Needs needs = of_layers(plan.gpu_layers);
    const bool usual = fits(needs, &Needs::usual);
    const SlotDemand& demand = usual ? request_.usual : request_.least;
    const StateBytes& slots = usual ? needs.usual : needs.least;
    const int first = plan.first_blocks(), last = plan.block_count - 1;
    const std::string head = needs.has_draft_block ? "output head and draft block" : "output head";
    std::string where;
    if (plan.gpu_layers > 1)
      where = first == last ? cat("block ", last, ", ") : cat("blocks ", first, " to ", last, ", ");
    std::string line = cat(plan.gpu_layers, " of ", layer_count_, " layers on the GPU (", where, head, "), ");
    if (first > 0)
      line += cat(first == 1 ? "block 0" : cat("blocks 0 to ", first - 1), " and the embedding table on the CPU, ");
    line += reason(plan);
    const uint64_t passes = needs.gpu_engine + kGpuReserve, taken = needs.gpu_model + slots.device + passes;
    std::string memory =
        cat("GPU memory: ", human_bytes(needs.gpu_model), " model, ", human_bytes(slots.device), " for ", demand.slots,
            demand.slots == 1 ? " slot" : " slots", " of ", demand.context, " positions, ", human_bytes(passes),
            " for passes; ", human_bytes(free_ - std::min(free_, taken)), " of ", human_bytes(free_), " left");
    if (first > 0)
      memory += cat("; the machine's: ", human_bytes(needs.cpu_model), " model, ", human_bytes(slots.host), " for ",
                    demand.slots == 1 ? "the slot" : "the slots");
    return {line, memory};
  }

  const GgufFile& file_;
  Device& gpu_;
  Device& cpu_;
  const OffloadRequest& request_;
  const uint64_t free_;
  Needs all_;
  int layer_count_ = 0;
};

}  // namespace

OffloadPlan plan_offload(const GgufFile& file, Device& gpu, Device& cpu, const OffloadRequest& request) {
  return Planner(file, gpu, cpu, request).plan();
}

}  // namespace paceline
