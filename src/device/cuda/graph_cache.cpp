#include "device/cuda/graph_cache.h"

#include <algorithm>

namespace paceline::cuda {

namespace {

// The stream captures while one of these lives; what goes wrong in between ends the capture and is not hidden by its end.
class Capturing {
 public:
  explicit Capturing(CudaContext& context) : context_(context) {
    check(cudaStreamBeginCapture(context.stream, cudaStreamCaptureModeThreadLocal), "beginning to capture a step");
    context.watch->is_capturing = true;
  }
  ~Capturing() {
    if (!context_.watch->is_capturing) return;
    cudaGraph_t graph = nullptr;
    if (end(graph) == cudaSuccess) cudaGraphDestroy(graph);
  }
  Capturing(const Capturing&) = delete;
  Capturing& operator=(const Capturing&) = delete;

  cudaError_t end(cudaGraph_t& graph) {
    context_.watch->is_capturing = false;
    return cudaStreamEndCapture(context_.stream, &graph);
  }

 private:
  CudaContext& context_;
};

}  // namespace

GraphCache::GraphCache(CudaContext& context) : context_(context) {
  graphs_.reserve(kMostGraphs);
  seen_.reserve(kMostSeen);
}

GraphCache::~GraphCache() { drop_all(); }

void GraphCache::run(uint64_t key, const std::function<void()>& step) {
  if (key == 0) return step();
  drop_what_moved();
  ++runs_;
  const auto found = std::find_if(graphs_.begin(), graphs_.end(), [&](const Graph& graph) { return graph.key == key; });
  if (found != graphs_.end()) {
    ++counts_.replayed;
    return launch(*found);
  }
  if (std::find(seen_.begin(), seen_.end(), key) == seen_.end()) {
    step();
    ++counts_.eager;
    drop_what_moved();  // what has grown has grown for this key
    remember(key);
    return;
  }
  make_room();
  graphs_.push_back({key, capture(step), runs_});
  ++counts_.captured;
  launch(graphs_.back());
}

void GraphCache::remember(uint64_t key) {
  if (seen_.size() < kMostSeen) seen_.push_back(key);
  else seen_[next_seen_++ % kMostSeen] = key;
}

cudaGraphExec_t GraphCache::capture(const std::function<void()>& step) {
  cudaGraph_t graph = nullptr;
  {
    Capturing capturing(context_);
    step();
    check(capturing.end(graph), "capturing a step (--cuda-graphs off does without)");
  }
  cudaGraphExec_t exec = nullptr;
  const cudaError_t status = cudaGraphInstantiate(&exec, graph, 0);
  cudaGraphDestroy(graph);
  check(status, "making a graph of a step executable (--cuda-graphs off does without)");
  return exec;
}

void GraphCache::launch(Graph& graph) {
  graph.used = runs_;
  check(cudaGraphLaunch(graph.exec, context_.stream), "launching the graph of a step");
}

void GraphCache::make_room() {
  if (graphs_.size() < kMostGraphs) return;
  const auto oldest =
      std::min_element(graphs_.begin(), graphs_.end(), [](const Graph& a, const Graph& b) { return a.used < b.used; });
  check(cudaStreamSynchronize(context_.stream), "waiting for a graph that is dropped");
  cudaGraphExecDestroy(oldest->exec);
  graphs_.erase(oldest);
  ++counts_.dropped;
}

// Also what was seen: the next time may be the first with other sizes of scratch memory.
void GraphCache::drop_what_moved() {
  if (moves_ == context_.watch->moves) return;
  moves_ = context_.watch->moves;
  drop_all();
  seen_.clear();
  next_seen_ = 0;
}

void GraphCache::drop_all() {
  if (graphs_.empty()) return;
  cudaStreamSynchronize(context_.stream);
  for (const Graph& graph : graphs_) cudaGraphExecDestroy(graph.exec);
  counts_.dropped += graphs_.size();
  graphs_.clear();
}

}  // namespace paceline::cuda
