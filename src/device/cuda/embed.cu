// out = scale * (code - offset) - minimum for the row of each token, with the roundings of the scalar decoders in src/quant, so that the
// values are theirs bit for bit.
//
// Called by embed, once per pass. A thread makes one value and reads its bits where they lie in the panel (a sixteenth of the panel's bytes
// are the row's): a row is a few thousand values, nothing beside the products. Bytes per weight as in multiply_*.cu.
// Share of peak: not measured yet (no GPU).
#include "device/cuda/embed.h"
#include "device/cuda/formats.h"
#include "device/cuda/launch.h"

namespace paceline::cuda {

namespace {

constexpr int kThreads = 128;

struct EmbedTask {
  const std::byte* panels;
  int64_t panel_size;
  int cols, table_rows;
  const int32_t* tokens;
  int64_t token_stride;
  float* out;
  int64_t out_stride;
};

// The bits of one code in a plane of kBits (packing/fragment_layout.h): block b of the group, word a_i of the lane, byte of that word.
template <int kBits>
__device__ uint32_t plane_bits(const std::byte* plane, int lane, int b, int i, int byte) {
  if constexpr (kBits == 0) {
    return 0;
  } else {
    constexpr int kPerWord = 8 / kBits;
    const int place = 4 * b + i, word = place / kPerWord;
    const auto stored = static_cast<uint32_t>(plane[word / 4 * kVectorBytes + 16 * lane + 4 * (word % 4) + byte]);
    return stored >> (place % kPerWord * kBits) & ((1u << kBits) - 1);
  }
}

template <class Format>
__device__ uint32_t signed_code(uint32_t code) {
  if constexpr (Format::kTable) return Format::look_up(code).x;
  else return code;
}

template <class Format>
__device__ float panel_value(const std::byte* panel, int row, int col) {
  constexpr FragmentLayout kLayout = fragment_layout(Format::kType);
  const std::byte* group = panel + int64_t{col / kGroupColumns} * kLayout.group_bytes();
  const int inside = col % kGroupColumns, b = inside / kBlockColumns, column = inside % kBlockColumns;
  const int lane = row % 8 * 4 + column % 16 / 4, i = column / 16 * 2 + row / 8, byte = column % 4;
  const uint32_t code = plane_bits<kLayout.low_bits>(group + kLayout.header_bytes(), lane, b, i, byte) |
                        plane_bits<kLayout.high_bits>(group + kLayout.high_offset(), lane, b, i, byte)
                            << kLayout.low_bits;
  const auto whole = static_cast<int8_t>(signed_code<Format>(code) & 255);
  const RowScales<Format::kType> scales(group, row);
  const int index = Format::kHalves ? inside / 16 : b;
  const float value = Format::scale(scales, index) * static_cast<float>(whole - Format::kOffset);
  if constexpr (Format::kMinimum) return value - Format::minimum(scales, index);
  return value;
}

struct F32Values {
  static __device__ float value(const std::byte* panel, int row, int col) {
    return reinterpret_cast<const float*>(panel)[float_place(row, col)];
  }
};
struct F16Values {
  static __device__ float value(const std::byte* panel, int row, int col) {
    return half_to_float(reinterpret_cast<const uint16_t*>(panel)[float_place(row, col)]);
  }
};
struct Bf16Values {
  static __device__ float value(const std::byte* panel, int row, int col) {
    const uint16_t bits = reinterpret_cast<const uint16_t*>(panel)[float_place(row, col)];
    return __uint_as_float(static_cast<uint32_t>(bits) << 16);
  }
};
template <class Format>
struct QuantizedValues {
  static __device__ float value(const std::byte* panel, int row, int col) {
    return panel_value<Format>(panel, row, col);
  }
};

// Tokens outside the table give NaN: a wrong id is our own mistake, and it shows in the logits.
template <class Values>
__global__ void __launch_bounds__(kThreads) embed_kernel(EmbedTask task) {
  wait_for_previous_kernel();
  const int row = static_cast<int>(blockIdx.y),
            col = static_cast<int>(blockIdx.x) * kThreads + static_cast<int>(threadIdx.x);
  if (col >= task.cols) return;
  const int token = task.tokens[row * task.token_stride];
  float value = __uint_as_float(0x7fc00000u);
  if (token >= 0 && token < task.table_rows)
    value = Values::value(task.panels + token / kPanelRows * task.panel_size, token % kPanelRows, col);
  task.out[row * task.out_stride + col] = value;
}

template <class Values>
void launch_embed(CudaContext& context, const EmbedTask& task, int rows) {
  const Grid grid{"embed",
                  dim3(static_cast<unsigned>((task.cols + kThreads - 1) / kThreads), static_cast<unsigned>(rows)),
                  kThreads};
  launch(embed_kernel<Values>, grid, context, task);
}

}  // namespace

void embed(CudaContext& context, Tensor out, const CudaWeight& table, Tensor tokens) {
  const EmbedTask task{table.panels(), static_cast<int64_t>(table.panel_size()),
                       table.cols,     table.rows,
                       tokens.i32(),   tokens.stride,
                       out.f32(),      out.stride};
  switch (table.type) {
    case QuantType::F32: return launch_embed<F32Values>(context, task, out.rows);
    case QuantType::F16: return launch_embed<F16Values>(context, task, out.rows);
    case QuantType::BF16: return launch_embed<Bf16Values>(context, task, out.rows);
    case QuantType::Q8_0: return launch_embed<QuantizedValues<Q8_0Format>>(context, task, out.rows);
    case QuantType::Q4_0: return launch_embed<QuantizedValues<Q4_0Format>>(context, task, out.rows);
    case QuantType::Q4_1: return launch_embed<QuantizedValues<Q4_1Format>>(context, task, out.rows);
    case QuantType::Q5_0: return launch_embed<QuantizedValues<Q5_0Format>>(context, task, out.rows);
    case QuantType::Q5_1: return launch_embed<QuantizedValues<Q5_1Format>>(context, task, out.rows);
    case QuantType::Q2_K: return launch_embed<QuantizedValues<Q2_KFormat>>(context, task, out.rows);
    case QuantType::Q3_K: return launch_embed<QuantizedValues<Q3_KFormat>>(context, task, out.rows);
    case QuantType::Q4_K: return launch_embed<QuantizedValues<Q4_KFormat>>(context, task, out.rows);
    case QuantType::Q5_K: return launch_embed<QuantizedValues<Q5_KFormat>>(context, task, out.rows);
    case QuantType::Q6_K: return launch_embed<QuantizedValues<Q6_KFormat>>(context, task, out.rows);
    case QuantType::IQ4_NL: return launch_embed<QuantizedValues<Iq4NlFormat>>(context, task, out.rows);
    case QuantType::IQ4_XS: return launch_embed<QuantizedValues<Iq4XsFormat>>(context, task, out.rows);
    case QuantType::MXFP4: return launch_embed<QuantizedValues<Mxfp4Format>>(context, task, out.rows);
  }
}

}  // namespace paceline::cuda
