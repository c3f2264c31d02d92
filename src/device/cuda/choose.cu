// route:  p = softmax(logits); the used_count largest; share_i = p_i / sum of the chosen p, in rank order
// argmax: the first of the largest
//
// Called by CudaDevice::route once per mixture layer (a warp per row, the row's logits stay in the L1 cache over the rounds of choosing; of few
// rows the grouping of experts does it by the way) and by
// CudaDevice::argmax (a block per piece of a row, then a warp per row over the pieces: a vocabulary is long and rows are few). No weights of a
// model file. Share of peak: not measured yet (no GPU).
#include "device/cuda/choose.h"
#include "device/cuda/experts.h"
#include "device/cuda/launch.h"
#include "device/cuda/route-inl.h"

namespace paceline::cuda {

namespace {

constexpr int kRouteThreads = 128;

__global__ void __launch_bounds__(kRouteThreads) route_kernel(RouteTask task) {
  wait_for_previous_kernel();
  const int row = static_cast<int>(blockIdx.x) * (kRouteThreads / kWarpLanes) + warp_index();
  if (row < task.rows) route_row(task, row);
}

constexpr int kArgmaxThreads = 256, kPiece = 8192;

struct ArgmaxTask {
  Matrix logits;
  int cols, pieces;
  Candidate* found;  // rows x pieces
  int32_t* ids;
  int64_t ids_stride;
};

struct ArgmaxShared {
  Candidate best[kArgmaxThreads / kWarpLanes];
};

__global__ void __launch_bounds__(kArgmaxThreads) argmax_pieces_kernel(ArgmaxTask task) {
  wait_for_previous_kernel();
  auto& shared = dynamic_shared<ArgmaxShared>();
  const int piece = static_cast<int>(blockIdx.x), first = piece * kPiece, end = min(first + kPiece, task.cols);
  const float* logits = task.logits.row(blockIdx.y);
  Candidate best{-INFINITY, task.cols - 1};
  for (int i = first + static_cast<int>(threadIdx.x); i < end; i += kArgmaxThreads)
    best = better(best, candidate(logits[i], i));
  best = warp_best(best);
  if (lane_index() == 0) shared.best[warp_index()] = best;
  __syncthreads();
  if (threadIdx.x != 0) return;
  for (const Candidate& other : shared.best) best = better(best, other);
  task.found[int64_t{blockIdx.y} * task.pieces + piece] = best;
}

__global__ void __launch_bounds__(kWarpLanes) argmax_rows_kernel(ArgmaxTask task) {
  wait_for_previous_kernel();
  const Candidate* found = task.found + int64_t{blockIdx.x} * task.pieces;
  Candidate best{-INFINITY, task.cols - 1};
  for (int piece = lane_index(); piece < task.pieces; piece += kWarpLanes) best = better(best, found[piece]);
  best = warp_best(best);
  if (lane_index() == 0) task.ids[blockIdx.x * task.ids_stride] = best.index;
}

}  // namespace

void route(CudaContext& context, Tensor ids, Tensor shares, Tensor logits, const ExpertShape& shape) {
  if (shape.expert_count > kMaxRoutedExperts)
    fail("cuda: a layer has ", shape.expert_count, " experts, expected at most ", kMaxRoutedExperts);
  const RouteTask task{matrix(logits), matrix(shares),     ids.i32(),       ids.stride,
                       logits.rows,    shape.expert_count, shape.used_count};
  start_or_defer(context, ids, RowsMadeBy::Router, [=, &context](const RowExtras& extras) {
    if (extras.grouping != nullptr) return route_and_group(context, task, *extras.grouping);
    const unsigned blocks = static_cast<unsigned>(ceil_divide(task.rows, kRouteThreads / kWarpLanes));
    launch(route_kernel, Grid{"route", dim3(blocks), kRouteThreads, 0}, context, task);
  });
}

void argmax(CudaContext& context, Tensor ids, Tensor logits) {
  ArgmaxTask task{matrix(logits), logits.cols, ceil_divide(logits.cols, kPiece), nullptr, ids.i32(), ids.stride};
  task.found =
      context.argmax_scratch.get<Candidate>(static_cast<size_t>(logits.rows) * static_cast<size_t>(task.pieces));
  const unsigned rows = static_cast<unsigned>(logits.rows);
  launch(argmax_pieces_kernel,
         Grid{"argmax of pieces", dim3(static_cast<unsigned>(task.pieces), rows), kArgmaxThreads, sizeof(ArgmaxShared)},
         context, task);
  launch(argmax_rows_kernel, Grid{"argmax", dim3(rows), kWarpLanes, 0}, context, task);
}

}  // namespace paceline::cuda
