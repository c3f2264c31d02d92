#pragma once
// The table of kernels an instruction set exports: what the CPU device calls. Plain data and function pointers, no vector types, so that
// every instruction set can be compiled into one program and chosen at run time.
#include <cstddef>
#include <cstdint>
#include <iterator>

#include "device/cpu/panel_layout.h"

namespace paceline::cpu {

// Products of some panels with one group of rows.
struct TileArguments {
  const std::byte* panel = nullptr;  // the first
  int panels = 1;
  int64_t panel_stride = 0;  // bytes from one panel to the next
  int panel_outputs = kPanelRows;  // from the first output of one panel to that of the next
  int cols = 0;
  const void* activations = nullptr;  // [cols / 32][tile rows] ActivationBlock, or [cols][tile rows] float
  float* out = nullptr;  // first row, first output of the panel
  int64_t out_stride = 0;
  int rows = 0;  // to write, <= tile rows
  int outputs = 0;  // that there are, counted from the first panel's first; a panel writes up to 16 of them
  bool add = false;  // add to out
  bool as_streams = false;  // panels_together() panels at a time instead of one after another; the bits are the same
  bool ask_ahead = true;  // for the weights of a single row too; more rows always do
};
using TileKernel = void (*)(const TileArguments&);

// Softmax attention of some queries of one kv head over positions [begin, end), end - begin <= kSplitPositions.
struct AttentionTask {
  const std::byte* k = nullptr;  // this head: panels of 16 positions
  const std::byte* v = nullptr;  // this head: rows
  int head_dim = 0;
  float scale = 0;
  int query_count = 0;
  const float* const* queries = nullptr;  // head_dim values each
  const int* limits = nullptr;  // query i sees positions below limits[i]
  int begin = 0, end = 0;
  float* partials = nullptr;  // query_count x partial_stride: head_dim weighted sums, then maximum and sum
  int64_t partial_stride = 0;
};
using AttentionKernel = void (*)(const AttentionTask&);

inline constexpr int kTilePositions = 64;  // softmax is renormalised at multiples of this
inline constexpr int kSplitPositions = 256;  // and computed afresh and merged at multiples of this

// The delta rule for `width` value columns of one head: replay, then rows.
struct DeltaTask {
  float* state = nullptr;  // [head_dim][width]
  int head_dim = 0, width = 0;
  bool store = false;  // rows change the state (Prompt); replayed rows always do
  int replayed = 0;
  const float *old_key = nullptr, *old_delta = nullptr, *old_decay = nullptr;
  int64_t key_stride = 0, value_stride = 0, decay_stride = 0;  // of the records, old and new
  int rows = 0;
  const float *q = nullptr, *k = nullptr;  // normalised
  int64_t qk_stride = 0;
  const float* v = nullptr;
  int64_t v_stride = 0;
  const float *beta = nullptr, *decay = nullptr;
  int64_t gate_stride = 0;
  float out_scale = 0;
  float* out = nullptr;
  int64_t out_stride = 0;
  float* delta = nullptr;  // new record, or nullptr
  float* scratch = nullptr;  // delta_scratch_floats(head_dim)
};
inline constexpr int kDeltaColumns = 32;
constexpr size_t delta_scratch_floats(int head_dim) { return static_cast<size_t>(head_dim) * kDeltaColumns; }

// Convolution of some channels over the rows of a segment.
inline constexpr int kMaxConvTaps = 64;
struct ConvTask {
  const float* window = nullptr;  // taps - 1 rows before the first
  int64_t window_stride = 0;
  const float* columns = nullptr;
  int64_t column_stride = 0;
  int rows = 0, channels = 0, taps = 0;
  const float* weight = nullptr;  // [channels][taps]
  float* out = nullptr;
  int64_t out_stride = 0;
};

enum class KvType { F32, F16, Q8_0 };

// How a thread reads the weights of few rows: a matter of the machine (docs/numbers.md). The bits are the same.
enum class WeightReading {
  Ahead,  // one panel after another, asked for ahead
  Hardware,  // as Ahead, but those of a single row are left to the hardware: Zen 4
  Streams  // several panels side by side: Intel, where one stream is less than a core can have under way
};

struct Kernels {
  const char* name = "";
  int largest_quant_tile = 1, largest_float_tile = 1;  // rows
  WeightReading reading = WeightReading::Ahead;
  TileKernel tiles[std::size(kAllQuantTypes)][kTileCount] = {};  // nullptr where a format has no tile of that many rows
  // `blocks` blocks of one row, written `stride` blocks apart.
  void (*quantize)(ActivationBlock* out, int stride, const float* x, int blocks);

  void (*rms_norm)(float* out, const float* x, const float* weight, int count, float eps);
  // out = rms_norm(x) * silu(z)
  void (*gated_rms_norm)(float* out, const float* x, const float* weight, const float* z, int count, float eps);
  void (*l2_norm)(float* out, const float* x, int count, float eps);
  void (*swiglu)(float* out, const float* gate, const float* up, int count);
  void (*sigmoid_gate)(float* x, const float* gate, int count);
  // out += factor * x
  void (*add_scaled)(float* out, const float* x, float factor, int count);
  // out = sum over i of factors[i] * x[i], in order, then added to out
  void (*add_combination)(float* out, const float* const* x, const float* factors, int terms, int count);
  float (*dot)(const float* x, const float* y, int count);
  // probabilities: exp(x - largest); returns their sum
  float (*exponentials)(float* out, const float* x, int count);
  // (low, high) = (low * cosine - high * sine, low * sine + high * cosine)
  void (*rotate)(float* low, float* high, const float* cosine, const float* sine, int count);
  // Index of the first largest value.
  int (*argmax)(const float* x, int count, float* largest);

  void (*conv_silu)(const ConvTask&);
  void (*delta_rule)(const DeltaTask&);

  AttentionKernel attention[3][3] = {};  // [type of K][type of V]
  // out = the merged partials of one query, in order
  void (*merge_attention)(float* out, const float* partials, int64_t partial_stride, int count, int head_dim);
  void (*to_f16)(uint16_t* out, const float* x, int count);
};

// Panels of quantized weights that a kernel of so many rows reads side by side, by the largest tile of its instruction set: their sums stay in
// registers, and more rows compute between their loads.
constexpr int panels_together(int rows, int largest_tile) {
  if (rows == 1 && largest_tile >= 4) return 4;
  return 2 * rows <= largest_tile ? 2 : 1;
}

constexpr size_t format_index(QuantType type) {
  size_t index = 0;
  while (kAllQuantTypes[index] != type) ++index;
  return index;
}

}  // namespace paceline::cpu
