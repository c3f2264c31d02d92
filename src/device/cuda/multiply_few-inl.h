#pragma once
// The kernel for few rows: a block makes 16 outputs times kTiles tiles of 8 rows, each of its warps one or two of the shares of the columns
// (multiply_block-inl.h), so that a matrix of few outputs still keeps a whole GPU reading. For more than one tile a fragment is loaded and
// unpacked once for kTiles of them. For up to four rows a warp has two shares, side by side in the tensor core's eight columns.
#include "device/cuda/multiply_block-inl.h"

namespace paceline::cuda {

namespace {

constexpr int kSomeTiles = 4;  // of a block when there is more than one tile
template <int kSides>
constexpr int kWarps = kShares / kSides;
constexpr int kTileValues = kTileRows * kPanelRows;

// For compute capability 12.0 the compiler needs more registers.
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 1200
inline constexpr bool kIsShortOfRegisters = true;
#else
inline constexpr bool kIsShortOfRegisters = false;
#endif

// What a kernel's threads have at once, so that none of it spills. A block for one tile of eight rows: few sums and much to do for each, so 24 warps of 80
// registers, which take one block of columns after the other. The others: 16 warps of 128, and two blocks of columns.
template <class Format, int kTiles, int kSides>
struct FewShape {
  static constexpr bool kManyWarps = kTiles == 1 && kSides == 1;
  static constexpr int kBlocksAtOnce =
      kManyWarps ? 3 : 2 * kSides;  // of threads, that a multiprocessor must be able to hold
  static constexpr bool kLoadsHalves =
      kManyWarps ? Format::kHalves && Format::kOffset != 0 : kTiles > 1 && kIsShortOfRegisters;
  static constexpr int kLoaded = kLoadsHalves ? kGroupBlocks / 2 : kGroupBlocks;
  static constexpr int kTogether = kManyWarps ? 1 : 2;
};

// A piece of a warp's shared memory: a group of each side, or afterwards the sums of the warp's shares, where sums[t][i] of a lane is value
// t * kTileValues + 32 i + 4 (lane / 4) + lane % 4, with two sides lane % 2. A warp has two pieces, of which one is multiplied while the next is on its way, or
// one (stage_count).
template <int kGroupBytes, int kTiles, int kSides>
union alignas(16) Stage {
  std::byte groups[kSides][kGroupBytes];
  float sums[kSides][kTiles * kTileValues];
};
template <class Format, int kTiles, int kSides>
using StageOf = Stage<fragment_layout(Format::kType).group_bytes(), kTiles, kSides>;

// Asks for a group of a panel.
template <int kGroupBytes>
__device__ __forceinline__ void copy_weights(std::byte* to, const std::byte* from, int lane) {
  constexpr int kPieceBytes = 16, kPieces = kGroupBytes / kPieceBytes, kRounds = kPieces / kWarpLanes;
  static_assert(kGroupBytes % kPieceBytes == 0);
  to += kPieceBytes * lane, from += kPieceBytes * lane;
#pragma unroll
  for (int round = 0; round <= kRounds; ++round, to += kVectorBytes, from += kVectorBytes)
    if (round < kRounds || lane < kPieces % kWarpLanes) copy_async_16(to, from);
}

template <int kTiles, int kSides>
__device__ __forceinline__ void store_sums(float (&to)[kSides][kTiles * kTileValues], const float (&sums)[kTiles][4]) {
  const int lane = lane_index(), place = lane / 4 * 4 + lane % (4 / kSides);
#pragma unroll
  for (int t = 0; t < kTiles; ++t)
#pragma unroll
    for (int i = 0; i < 4; ++i) to[side_of_sums<kSides>(lane)][t * kTileValues + 32 * i + place] = sums[t][i];
}

// Adds the shares and writes the outputs of the panel; consecutive threads write consecutive outputs of a row.
template <int kTiles, int kSides, class AnyStage>
__device__ __forceinline__ void write_outputs(const MultiplyTask& task, const MultiplyPart& part,
                                              const AnyStage* stages, int warp_stages, int first_tile, int panel) {
  constexpr int kColumns = kTileRows / kSides;
#pragma unroll 1
  for (int v = static_cast<int>(threadIdx.x); v < kTiles * kColumns * kPanelRows; v += 32 * kWarps<kSides>) {
    const int output = v % kPanelRows, column = v / kPanelRows % kColumns, tile = v / (kColumns * kPanelRows);
    const int row = (first_tile + tile) * kTileRows + column;
    if (row >= task.rows || panel * kPanelRows + output >= part.outputs) continue;
    const int place = output % 8 * 4 + column / 2, i = output / 8 * 2 + column % 2;
    float sum = 0;
#pragma unroll
    for (int share = 0; share < kShares; ++share)
      sum += stages[share % kWarps<kSides> * warp_stages]
                 .sums[share / kWarps<kSides>][tile * kTileValues + 32 * i + place];
    float* out = part.out + row * part.out_stride + panel * kPanelRows + output;
    *out = task.add ? *out + sum : sum;
  }
}

// While the kernel before this one still runs: the first groups of the warp's shares. Of experts it is not known yet which.
constexpr int kGroupsAhead = 2;
template <int kSides>
__device__ __forceinline__ void prefetch_shares(const MultiplyTask& task, int group_bytes) {
  if (task.tile_experts != nullptr || blockIdx.x > 0 || lane_index() >= kSides) return;
  int panel = static_cast<int>(blockIdx.y);
  const MultiplyPart& part = find_part(task, panel);
  const int share = warp_index() + lane_index() * kWarps<kSides>;
  const int first = first_group(share, task.groups), last = first_group(share + 1, task.groups);
  const int64_t begin = int64_t{first} * group_bytes, left = task.panel_size - begin;
  const int bytes = min(kGroupsAhead, last - first) * group_bytes;
  if (bytes > 0)
    prefetch_piece(panel_address(task, part, 0, panel) + begin,
                   left < bytes ? static_cast<unsigned>(left) : static_cast<unsigned>(bytes));
}

// How many rows of a tile are wanted, 1 to 8.
__device__ __forceinline__ int rows_of_tile(const MultiplyTask& task, int tile) {
  if (task.sources == nullptr) return min(task.rows - tile * kTileRows, kTileRows);
  return warp_add(lane_index() < kTileRows && task.sources[tile * kTileRows + lane_index()] >= 0 ? 1 : 0);
}

// Those of a block's only tile; of several tiles all rows are read.
template <int kTiles, int kSides>
__device__ __forceinline__ TileLane tile_lane(const MultiplyTask& task, int tile) {
  return lane_of_rows<kSides>(lane_index(), kTiles == 1 ? rows_of_tile(task, tile) : kTileRows);
}

// blockIdx.x: tiles, so that blocks that run side by side share a panel; blockIdx.y: panel, those of one weight behind those of another.
template <class Format, int kTiles, int kSides>
__global__ void __launch_bounds__(32 * kWarps<kSides>, FewShape<Format, kTiles, kSides>::kBlocksAtOnce)
    multiply_few_kernel(MultiplyTask task) {
  prefetch_shares<kSides>(task, fragment_layout(Format::kType).group_bytes());
  wait_for_previous_kernel();
  using Shape = FewShape<Format, kTiles, kSides>;
  constexpr int kGroupBytes = fragment_layout(Format::kType).group_bytes();
  const int lane = lane_index(), share = warp_index(), first_tile = static_cast<int>(blockIdx.x) * kTiles;
  int panel = static_cast<int>(blockIdx.y);
  const MultiplyPart& part = find_part(task, panel);
  const int expert = task.tile_experts != nullptr ? task.tile_experts[first_tile] : 0;
  if (expert < 0) return;
  const std::byte* at = panel_address(task, part, expert, panel);
  auto* const stages = dynamic_shared_array<StageOf<Format, kTiles, kSides>>(kWarps<kSides> * task.stages);
  const auto stage = [&](int g) -> auto& { return stages[share * task.stages + (g & (task.stages - 1))]; };
  // Shares that are four apart have as many groups as each other, the number of all groups being even.
  const int first = first_group(share, task.groups), last = first_group(share + 1, task.groups);
  const int apart = kSides == 2 ? task.groups / 2 : 0;
  const auto ask_for = [&](int g) {
    if (g < last)
#pragma unroll
      for (int side = 0; side < kSides; ++side)
        copy_weights<kGroupBytes>(stage(g).groups[side], at + int64_t{g + side * apart} * kGroupBytes, lane);
    commit_async_copies();
  };
  const int64_t tile_bytes = int64_t{task.groups} * kGroupPairs * kPairBytes;
  const ActivationBlocks* pairs = task.activations + (int64_t{first_tile} * task.groups + first) * kGroupPairs;
  RowsAt rows(pairs + apart * side_of_codes<kSides>(lane) * kGroupPairs,
              pairs + apart * side_of_sums<kSides>(lane) * kGroupPairs, tile_lane<kTiles, kSides>(task, first_tile));
  float sums[kTiles][4] = {};
#pragma unroll 1
  for (int n = 0; n < task.stages; ++n) ask_for(first + n);
  for (int g = first; g < last; ++g) {
    if (task.stages > 1) wait_async_copies<1>();
    else wait_async_copies<0>();
    __syncwarp();  // the group is there, whoever copied it
    add_group<Format, Shape::kLoaded, Shape::kTogether>(stage(g).groups, rows, tile_bytes,
                                                        min(kTiles, task.tiles - first_tile), lane, sums);
    __syncwarp();  // nobody reads it any more
    ask_for(g + task.stages);
    rows = rows + kGroupPairs * kPairBytes;
  }
  wait_async_copies<0>();  // what was asked for behind the last group is nothing
  store_sums<kTiles, kSides>(stages[share * task.stages].sums, sums);
  __syncthreads();
  write_outputs<kTiles, kSides>(task, part, stages, task.stages, first_tile, panel);
}

template <int kTiles, int kSides>
Grid few_grid(const char* name, const MultiplyTask& task, size_t warp_bytes) {
  return {name, dim3(static_cast<unsigned>((task.tiles + kTiles - 1) / kTiles), static_cast<unsigned>(task.all_panels)),
          kWarpLanes * kWarps<kSides>, kWarps<kSides> * warp_bytes};
}

// Tiles of experts are alone in a block: each may have another expert.
inline bool is_one_tile(const MultiplyTask& task) { return task.tiles == 1 || task.tile_experts != nullptr; }

inline bool has_two_sides(const MultiplyTask& task) {
  return is_one_tile(task) && task.tile_rows <= kTileRows / 2 && task.groups % 2 == 0;
}

// Two where a share has more than one group and the blocks that registers allow have room for that: more warps hide more than a group that is
// there before it is asked for.
template <class Format, int kTiles, int kSides>
int stage_count(const CudaContext& context, int groups) {
  constexpr size_t kReservedBytes = 1024;  // of a block, by CUDA
  constexpr size_t kBlockBytes = 2 * kWarps<kSides> * sizeof(StageOf<Format, kTiles, kSides>) + kReservedBytes;
  constexpr size_t kBlocks = FewShape<Format, kTiles, kSides>::kBlocksAtOnce;
  return groups > kShares && kBlocks * kBlockBytes <= context.shared_bytes_per_multiprocessor ? 2 : 1;
}

template <class Format, int kTiles, int kSides>
void launch_few_as(CudaContext& context, const char* name, MultiplyTask task) {
  task.stages = stage_count<Format, kTiles, kSides>(context, task.groups);
  const size_t warp_bytes = static_cast<size_t>(task.stages) * sizeof(StageOf<Format, kTiles, kSides>);
  launch(multiply_few_kernel<Format, kTiles, kSides>, few_grid<kTiles, kSides>(name, task, warp_bytes), context, task);
}

template <class Format>
void launch_few(CudaContext& context, const char* name, const MultiplyTask& task) {
  if (has_two_sides(task)) launch_few_as<Format, 1, 2>(context, name, task);
  else if (is_one_tile(task)) launch_few_as<Format, 1, 1>(context, name, task);
  else launch_few_as<Format, kSomeTiles, 1>(context, name, task);
}

}  // namespace

}  // namespace paceline::cuda
