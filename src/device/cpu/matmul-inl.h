// The tile loops: panels of 16 outputs times a group of rows. A weight is loaded and unpacked once and used for every row. Each row has
// its own accumulator, and its operations are the same whatever the number of rows: integer dot products are exact, then f32 in block order.
//
// A format is a policy: kType; Header(group, part) reads what a group shares; Block(header, codes, b) unpacks block b of the group to
// codes and scales; one of the four arithmetics below does the rest. `part` counts sub-panels of kLanes rows.

namespace {

constexpr int kParts = kPanelRows / kLanes;

template <int kOffset, int kMaxCode>
struct CodeRange {
  static constexpr int kCodeOffset = kOffset, kLargestCode = kMaxCode;
};

// weight = scale * (code - offset)
template <class Range>
struct Scaled {
  B codes[8];
  F scale;
  PACELINE_INLINE_MEMBER void accumulate(const ActivationBlock& a, F& sum) const {
    const I products = dot_codes<8, Range::kCodeOffset, Range::kLargestCode>(codes, a.codes, a.offset_sum);
    sum = fma(mul(to_float(products), set1(a.scale)), scale, sum);
  }
};

// weight = scale * code - minimum
template <class Range>
struct ScaledMin {
  B codes[8];
  F scale, minimum;
  PACELINE_INLINE_MEMBER void accumulate(const ActivationBlock& a, F& sum) const {
    const I products = dot_codes<8, 0, Range::kLargestCode>(codes, a.codes, 0);
    sum = fma(mul(to_float(products), set1(a.scale)), scale, sum);
    sum = fnma(set1(a.scaled_sum), minimum, sum);
  }
};

// As Scaled, with a scale for each half of 16 columns.
template <class Range>
struct HalfScaled {
  B codes[8];
  F scale_low, scale_high;
  PACELINE_INLINE_MEMBER void accumulate(const ActivationBlock& a, F& sum) const {
    const I low = dot_codes<4, Range::kCodeOffset, Range::kLargestCode>(codes, a.codes, a.offset_low);
    const I high = dot_codes<4, Range::kCodeOffset, Range::kLargestCode>(codes + 4, a.codes + 16, a.offset_high);
    const F both = fma(to_float(high), scale_high, mul(to_float(low), scale_low));
    sum = fma(both, set1(a.scale), sum);
  }
};

// As ScaledMin, with a scale and a minimum for each half of 16 columns.
template <class Range>
struct HalfScaledMin {
  B codes[8];
  F scale_low, scale_high, minimum_low, minimum_high;
  PACELINE_INLINE_MEMBER void accumulate(const ActivationBlock& a, F& sum) const {
    const I low = dot_codes<4, 0, Range::kLargestCode>(codes, a.codes, 0);
    const I high = dot_codes<4, 0, Range::kLargestCode>(codes + 4, a.codes + 16, 0);
    const F both = fma(to_float(high), scale_high, mul(to_float(low), scale_low));
    sum = fma(both, set1(a.scale), sum);
    sum = fnma(set1(a.scaled_low), minimum_low, sum);
    sum = fnma(set1(a.scaled_high), minimum_high, sum);
  }
};

// Writes kLanes sums of each row from output `first` on.
template <int kRows>
PACELINE_INLINE void store_tile(const TileArguments& task, const F (&sums)[kRows], int first) {
  const int lanes = task.outputs - first < kLanes ? task.outputs - first : kLanes;
  if (lanes <= 0) return;
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
    if (r >= task.rows) break;
    float* out = task.out + r * task.out_stride + first;
    if (lanes == kLanes) store(out, task.add ? add(load(out), sums[r]) : sums[r]);
    else store_first(out, task.add ? add(load_first(out, lanes), sums[r]) : sums[r], lanes);
  }
}

// Weights that will be needed, the memory's latency at full bandwidth ahead. Every line is asked for, headers too, since the hardware looks
// ahead only where the program itself waits for memory. Several streams of a single row go to the first-level cache. One stream and more rows,
// which also read activations from the second-level cache, go there, since the first-level cache has too few misses under way for both.
enum class Ahead { Nothing, Near, Far };

template <Ahead kAhead>
PACELINE_INLINE void prefetch_ahead(const std::byte* at) {
  if constexpr (kAhead == Ahead::Far) prefetch_far(at + 6144);
  else if constexpr (kAhead == Ahead::Near) prefetch(at + 2560);
}

template <class Format, int kRows, Ahead kAhead>
PACELINE_INLINE void multiply_group(const std::byte* group, int blocks, int part, const ActivationBlock* a,
                                    F (&sums)[kRows]) {
  constexpr PanelLayout kLayout = panel_layout(Format::kType);
  if (part == 0)
    for (int line = 0; line < kLayout.header_bytes; line += 64) prefetch_ahead<kAhead>(group + line);
  const typename Format::Header header(group, part);
  const std::byte* codes = group + kLayout.header_bytes + part * kLanes * 4;
  for (int b = 0; b < blocks; ++b, codes += kLayout.code_bytes(), a += kRows) {
    if (part == 0) {
      for (int line = 0; line < kLayout.code_bytes(); line += 64) prefetch_ahead<kAhead>(codes + line);
    }
    const typename Format::Block block(header, group, codes, b, part);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) block.accumulate(a[r], sums[r]);
  }
}

// Panels first … first + kPanels - 1 of the task side by side, a group of each in turn.
template <class Format, int kRows, int kPanels, Ahead kAhead>
PACELINE_INLINE void multiply_panels(const TileArguments& task, int first) {
  constexpr PanelLayout kLayout = panel_layout(Format::kType);
  const int blocks = task.cols / kBlockColumns;
  for (int part = 0; part < kParts; ++part) {
    F sums[kPanels][kRows];
#pragma GCC unroll 4
    for (int p = 0; p < kPanels; ++p)
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) sums[p][r] = zero();
    const std::byte* group = task.panel + first * task.panel_stride;
    const auto* a = static_cast<const ActivationBlock*>(task.activations);
    for (int b = 0; b < blocks; b += kLayout.blocks_per_group) {
      const int here = blocks - b < kLayout.blocks_per_group ? blocks - b : kLayout.blocks_per_group;
#pragma GCC unroll 4
      for (int p = 0; p < kPanels; ++p)
        multiply_group<Format, kRows, kAhead>(group + p * task.panel_stride, here, part, a, sums[p]);
      group += kLayout.group_bytes();
      a += kLayout.blocks_per_group * kRows;
    }
#pragma GCC unroll 4
    for (int p = 0; p < kPanels; ++p) store_tile(task, sums[p], (first + p) * task.panel_outputs + part * kLanes);
  }
}

template <class Format, int kRows>
void multiply_quants(const TileArguments& task) {
  constexpr int kTogether = panels_together(kRows, kLargestTile);
  constexpr Ahead kSideBySide = kRows > 1 ? Ahead::Far : Ahead::Near;
  int panel = 0;
  if (kTogether > 1 && task.as_streams)
    for (; panel + kTogether <= task.panels; panel += kTogether)
      multiply_panels<Format, kRows, kTogether, kSideBySide>(task, panel);
  if constexpr (kRows == 1)
    if (!task.ask_ahead)
      for (; panel < task.panels; ++panel) multiply_panels<Format, 1, 1, Ahead::Nothing>(task, panel);
  for (; panel < task.panels; ++panel) multiply_panels<Format, kRows, 1, Ahead::Far>(task, panel);
}

// F16, BF16, F32 weights and f32 activations: even and odd columns have an accumulator each.
template <class Format, int kRows>
void multiply_float_panel(const TileArguments& task, int panel) {
  constexpr int kColumnBytes = panel_layout(Format::kType).header_bytes;
  for (int part = 0; part < kParts; ++part) {
    F even[kRows], odd[kRows];
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) even[r] = odd[r] = zero();
    const std::byte* weights = task.panel + panel * task.panel_stride + part * (kColumnBytes / kParts);
    const auto* x = static_cast<const float*>(task.activations);
    int c = 0;
    for (; c + 2 <= task.cols; c += 2, weights += 2 * kColumnBytes, x += 2 * kRows) {
      if (part == 0) prefetch_far(weights + 4096), prefetch_far(weights + 4096 + kColumnBytes);
      const F first = Format::load(weights), second = Format::load(weights + kColumnBytes);
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) {
        even[r] = fma(first, set1(x[r]), even[r]);
        odd[r] = fma(second, set1(x[kRows + r]), odd[r]);
      }
    }
    if (c < task.cols)
      for (int r = 0; r < kRows; ++r) even[r] = fma(Format::load(weights), set1(x[r]), even[r]);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) even[r] = add(even[r], odd[r]);
    store_tile(task, even, panel * task.panel_outputs + part * kLanes);
  }
}

template <class Format, int kRows>
void multiply_floats(const TileArguments& task) {
  for (int panel = 0; panel < task.panels; ++panel) multiply_float_panel<Format, kRows>(task, panel);
}

template <class Format, int kRows>
constexpr TileKernel tile_kernel() {
  if constexpr (is_float_format(Format::kType)) {
    if constexpr (kRows <= std::min(kLargestTile, kLargestFloatTile)) return multiply_floats<Format, kRows>;
  } else {
    if constexpr (kRows <= kLargestTile) return multiply_quants<Format, kRows>;
  }
  return nullptr;
}

template <class Format>
void fill_tiles(Kernels& kernels) {
  TileKernel* tiles = kernels.tiles[format_index(Format::kType)];
  [tiles]<size_t... kIndex>(std::index_sequence<kIndex...>) {
    ((tiles[kIndex] = tile_kernel<Format, kTileRows[kIndex]>()), ...);
  }(std::make_index_sequence<kTileCount>());
}

}  // namespace
