// list_candidates: the `count` highest ranked columns of each row, its largest logit and the sum of exp(logit - largest)
//
// Called by CudaDevice::list_candidates after the output head, once a pass and once a draft. A row is cut into pieces of kColumns columns at
// multiples of it; a block finds the best of one piece, then blocks find the best of up to kEntries entries of such lists, until one list is left;
// its block puts it in order by counting for each entry how many are better. A list is a set: the order inside it is nobody's business until the end,
// so that nothing depends on who wrote first. The best of a piece are those at or above the count-th largest key, found bit by bit: each
// thread counts its own keys, which stay in registers, and the block adds up. Reads the logits twice and writes little beside them. Share of
// peak: not measured yet (no GPU).
#include <algorithm>
#include <bit>

#include "device/cuda/candidates.h"
#include "device/cuda/launch.h"
#include "device/cuda/matrix.h"
#include "device/cuda/noise.h"
#include "device/cuda/reduce.h"

namespace paceline::cuda {

namespace {

constexpr int kThreads = 256, kWarps = kThreads / kWarpLanes;
constexpr int kColumns = 16 * kThreads, kEntries = 32 * kThreads;  // of a block
constexpr int kRowsPerLaunch = 64;  // their rankings are a parameter
static_assert(kMostCandidates <= kThreads && 2 * kMostCandidates <= kEntries);

// What a block found in its part of a row, beside the list.
struct PartSum {
  float largest;  // -infinity where there is nothing but it
  float sum;  // of exp(logit - largest); NaN where a logit is, or the largest is infinite
};

struct CandidateTask {
  Matrix logits;
  const int32_t* ids;  // null: a column is its token
  int cols, count;
  int32_t* out;  // rows of words
  int64_t out_stride;
  CandidateRanking rankings[kRowsPerLaunch];
};

// Lists of one row after the other, `per_row` of them with task.count entries each. Entries without a column have index -1.
struct Lists {
  Candidate* entries;
  PartSum* sums;
  int per_row;
};

struct CandidateShared {
  int counts[2][kWarps];  // by turns, so that one barrier is enough
  float floats[2][kWarps];
  Candidate entries[kMostCandidates];
};

// Keys order as the values do: -0 as 0, NaN as -infinity. 0 is less than any: no column.
__device__ __forceinline__ uint32_t key_of(float value) {
  const float plain = value != value ? -INFINITY : value == 0 ? 0.0f : value;
  const uint32_t bits = std::bit_cast<uint32_t>(plain);
  return bits >> 31 != 0 ? ~bits : bits | 0x80000000u;
}

__device__ __forceinline__ float rank_of(const CandidateTask& task, int row, int column, float logit) {
  const CandidateRanking& ranking = task.rankings[row];
  if (!(ranking.temperature > 0)) return logit;
  const int token = task.ids == nullptr ? column : task.ids[column];
  return logit / ranking.temperature + rough_gumbel_noise(ranking.seed, ranking.position, token);
}

// Sums over the block, to every thread; `turn` alternates between uses.
__device__ __forceinline__ int block_count(CandidateShared& shared, int value, int& turn) {
  int* counts = shared.counts[turn ^= 1];
  value = warp_add(value);
  if (lane_index() == 0) counts[warp_index()] = value;
  __syncthreads();
  int total = 0;
#pragma unroll
  for (int warp = 0; warp < kWarps; ++warp) total += counts[warp];
  return total;
}

// How many of the block's keys satisfy `holds(item)`.
template <int kItems, class Holds>
__device__ __forceinline__ int count_where(CandidateShared& shared, int& turn, Holds holds) {
  int own = 0;
#pragma unroll
  for (int item = 0; item < kItems; ++item) own += holds(item) ? 1 : 0;
  return block_count(shared, own, turn);
}

// Which of the block's keys are among the `count` best: those above `key`, and of those equal to it the columns below `column`.
struct Cut {
  uint32_t key;
  int column;
};

// column_of(item) is asked only where equal keys straddle the cut.
template <int kItems, class ColumnOf>
__device__ __forceinline__ Cut find_cut(CandidateShared& shared, int& turn, const uint32_t (&keys)[kItems], int count,
                                        ColumnOf column_of) {
  uint32_t key = 0;
  int reached = kItems * kThreads;  // how many are at or above it
  for (uint32_t bit = 1u << 31; bit != 0 && reached != count; bit >>= 1) {
    const uint32_t tried = key | bit;
    const int found = count_where<kItems>(shared, turn, [&](int item) { return keys[item] >= tried; });
    if (found >= count) key = tried, reached = found;
  }
  if (reached == count || key == 0) return {key, INT32_MAX};
  const int wanted = count - count_where<kItems>(shared, turn, [&](int item) { return keys[item] > key; });
  int column = 0;
  for (int bit = 1 << 30; bit != 0; bit >>= 1) {
    const int tried = column | bit;
    const int found =
        count_where<kItems>(shared, turn, [&](int item) { return keys[item] == key && column_of(item) < tried; });
    if (found <= wanted) column = tried;
  }
  return {key, column};
}

// Leaves the `count` best of the block's entries in shared.entries, in any order; returns how many there are.
template <int kItems, class ColumnOf, class RankOf>
__device__ __forceinline__ int keep_best(CandidateShared& shared, int& turn, const uint32_t (&keys)[kItems], int count,
                                         ColumnOf column_of, RankOf rank_of_item) {
  const Cut cut = find_cut(shared, turn, keys, count, column_of);
  const auto is_kept = [&](int item) {
    return keys[item] != 0 && (keys[item] > cut.key || (keys[item] == cut.key && column_of(item) < cut.column));
  };
  int own = 0;
#pragma unroll
  for (int item = 0; item < kItems; ++item) own += is_kept(item) ? 1 : 0;
  int place = own;  // inclusive sum over the lanes before
#pragma unroll
  for (int distance = 1; distance < kWarpLanes; distance *= 2) {
    const int before = __shfl_sync(kAllLanes, place, lane_index() - distance);
    if (lane_index() >= distance) place += before;
  }
  int* counts = shared.counts[turn ^= 1];
  if (lane_index() == kWarpLanes - 1) counts[warp_index()] = place;
  __syncthreads();
  place -= own;
  int total = 0;
#pragma unroll
  for (int warp = 0; warp < kWarps; ++warp) {
    if (warp < warp_index()) place += counts[warp];
    total += counts[warp];
  }
#pragma unroll
  for (int item = 0; item < kItems; ++item)
    if (is_kept(item)) shared.entries[place++] = {rank_of_item(item), column_of(item)};
  __syncthreads();
  return total;
}

// The list in order and the sum, as device/candidates.h says. Entries are few: each looks at all others.
__device__ __forceinline__ void write_row(const CandidateShared& shared, const CandidateTask& task, int row, int found,
                                          PartSum sum) {
  int32_t* words = task.out + row * task.out_stride;
  const int i = static_cast<int>(threadIdx.x);
  if (i == 0) {
    const bool is_ordinary = sum.largest > -INFINITY && sum.largest < INFINITY && sum.sum > 0;
    words[0] = std::bit_cast<int32_t>(sum.largest);
    words[1] = std::bit_cast<int32_t>(is_ordinary ? sum.sum : 0.0f);
  }
  if (i >= task.count) return;
  int place = i, token = -1;
  float logit = -INFINITY;
  if (i < found) {
    const Candidate own = shared.entries[i];
    const uint32_t key = key_of(own.value);
    place = 0;
    for (int other = 0; other < found; ++other) {
      const Candidate entry = shared.entries[other];
      const uint32_t other_key = key_of(entry.value);
      if (other_key > key || (other_key == key && entry.index < own.index)) ++place;
    }
    token = task.ids == nullptr ? own.index : task.ids[own.index];
    logit = task.logits.row(row)[own.index];
  }
  words[kFirstCandidateWord + place] = token;
  words[kFirstCandidateWord + task.count + place] = std::bit_cast<int32_t>(logit);
}

// What the block found: one list of several, or the row's. `sum` is thread 0's.
__device__ __forceinline__ void write_found(const CandidateShared& shared, const CandidateTask& task, const Lists& out,
                                            int found, PartSum sum) {
  const int row = static_cast<int>(blockIdx.y), i = static_cast<int>(threadIdx.x);
  if (gridDim.x == 1) return write_row(shared, task, row, found, sum);
  const int64_t list = int64_t{row} * out.per_row + blockIdx.x;
  if (i < task.count) out.entries[list * task.count + i] = i < found ? shared.entries[i] : Candidate{-INFINITY, -1};
  if (i == 0) out.sums[list] = sum;
}

// The largest and the sum over the block's logits, -infinity where it has none; thread 0's is meant.
template <int kItems>
__device__ __forceinline__ PartSum sum_part(CandidateShared& shared, const float (&logits)[kItems]) {
  float largest = -INFINITY;
#pragma unroll
  for (int item = 0; item < kItems; ++item) largest = fmaxf(largest, logits[item]);
  largest = warp_max(largest);
  if (lane_index() == 0) shared.floats[0][warp_index()] = largest;
  __syncthreads();
#pragma unroll
  for (int warp = 0; warp < kWarps; ++warp) largest = fmaxf(largest, shared.floats[0][warp]);
  const float shift = largest == -INFINITY ? 0.0f : largest;
  float sum = 0;
#pragma unroll
  for (int item = 0; item < kItems; ++item) sum += expf(logits[item] - shift);
  return {largest, block_sum<kThreads>(sum, shared.floats[1])};
}

__global__ void __launch_bounds__(kThreads) candidates_of_pieces_kernel(CandidateTask task, Lists out) {
  wait_for_previous_kernel();
  constexpr int kItems = kColumns / kThreads;
  auto& shared = dynamic_shared<CandidateShared>();
  const int row = static_cast<int>(blockIdx.y), first = static_cast<int>(blockIdx.x) * kColumns;
  const float* values = task.logits.row(row);
  const auto column_of = [&](int item) { return first + item * kThreads + static_cast<int>(threadIdx.x); };
  float logits[kItems];
  uint32_t keys[kItems];
#pragma unroll
  for (int item = 0; item < kItems; ++item) {
    const bool is_inside = column_of(item) < task.cols;
    logits[item] = is_inside ? values[column_of(item)] : -INFINITY;
  }
  const PartSum sum = sum_part(shared, logits);
#pragma unroll
  for (int item = 0; item < kItems; ++item) {
    if (column_of(item) < task.cols) logits[item] = rank_of(task, row, column_of(item), logits[item]);
    keys[item] = column_of(item) < task.cols ? key_of(logits[item]) : 0;
  }
  int turn = 0;
  const int found = keep_best(shared, turn, keys, task.count, column_of, [&](int item) { return logits[item]; });
  write_found(shared, task, out, found, sum);
}

// By the block's first warp, in an order that depends on the number of parts alone.
__device__ __forceinline__ PartSum add_sums(const PartSum* parts, int count) {
  float largest = -INFINITY, sum = 0;
  for (int part = lane_index(); part < count; part += kWarpLanes) largest = fmaxf(largest, parts[part].largest);
  largest = warp_max(largest);
  const float shift = largest == -INFINITY ? 0.0f : largest;
  for (int part = lane_index(); part < count; part += kWarpLanes)
    sum += parts[part].sum * expf(parts[part].largest - shift);
  return {largest, warp_sum(sum)};
}

// Block (i, row): the lists [i, i + 1) * lists_per_block of the row become one.
__global__ void __launch_bounds__(kThreads)
    merged_candidates_kernel(CandidateTask task, Lists in, Lists out, int lists_per_block) {
  wait_for_previous_kernel();
  constexpr int kItems = kEntries / kThreads;
  auto& shared = dynamic_shared<CandidateShared>();
  const int row = static_cast<int>(blockIdx.y), first = static_cast<int>(blockIdx.x) * lists_per_block;
  const int lists = min(lists_per_block, in.per_row - first), size = lists * task.count;
  const int64_t first_list = int64_t{row} * in.per_row + first;
  const Candidate* entries = in.entries + first_list * task.count;
  const auto entry_of = [&](int item) { return item * kThreads + static_cast<int>(threadIdx.x); };
  const auto column_of = [&](int item) { return entries[entry_of(item)].index; };
  const auto rank_of_item = [&](int item) { return entries[entry_of(item)].value; };
  uint32_t keys[kItems];
#pragma unroll
  for (int item = 0; item < kItems; ++item) {
    // Both halves of all entries in one load each, none of which waits for another.
    const uint2 entry = entry_of(item) < size ? load_wide<uint2>(&entries[entry_of(item)]) : uint2{0, ~0u};
    keys[item] = static_cast<int>(entry.y) >= 0 ? key_of(std::bit_cast<float>(entry.x)) : 0;
  }
  int turn = 0;
  const int found = keep_best(shared, turn, keys, task.count, column_of, rank_of_item);
  PartSum sum{};
  if (warp_index() == 0) sum = add_sums(in.sums + first_list, lists);
  write_found(shared, task, out, found, sum);
}

Lists lists_at(DeviceScratch& scratch, int rows, int count, int per_row) {
  const size_t lists = static_cast<size_t>(rows) * static_cast<size_t>(per_row);
  const size_t entries = lists * static_cast<size_t>(count);
  auto* first = scratch.get<Candidate>(entries + lists);
  static_assert(sizeof(PartSum) == sizeof(Candidate));
  return {first, reinterpret_cast<PartSum*>(first + entries), per_row};
}

Grid grid(const char* kernel, int lists, int rows) {
  return {kernel, dim3(static_cast<unsigned>(lists), static_cast<unsigned>(rows)), kThreads, sizeof(CandidateShared)};
}

void list_rows(CudaContext& context, const CandidateTask& task, int rows) {
  DeviceScratch* scratch[] = {&context.candidate_scratch, &context.merged_candidate_scratch};
  Lists lists = lists_at(*scratch[0], rows, task.count, ceil_divide(task.cols, kColumns));
  launch(candidates_of_pieces_kernel, grid("candidates of pieces", lists.per_row, rows), context, task, lists);
  const int lists_per_block = kEntries / task.count;
  for (int level = 1; lists.per_row > 1; ++level) {
    const Lists merged = lists_at(*scratch[level % 2], rows, task.count, ceil_divide(lists.per_row, lists_per_block));
    launch(merged_candidates_kernel, grid("merged candidates", merged.per_row, rows), context, task, lists, merged,
           lists_per_block);
    lists = merged;
  }
}

}  // namespace

void list_candidates(CudaContext& context, Tensor out, Tensor logits, Tensor ids,
                     std::span<const CandidateRanking> rankings) {
  const int count = candidate_room(out.cols);
  for (int first = 0; first < logits.rows; first += kRowsPerLaunch) {
    const int rows = std::min(kRowsPerLaunch, logits.rows - first);
    const Tensor part = out.row_range(first, rows);
    CandidateTask task{matrix(logits.row_range(first, rows)),
                       ids.data == nullptr ? nullptr : ids.i32(),
                       logits.cols,
                       count,
                       part.i32(),
                       part.stride,
                       {}};
    std::copy_n(rankings.begin() + first, rows, task.rankings);
    list_rows(context, task, rows);
  }
}

}  // namespace paceline::cuda
