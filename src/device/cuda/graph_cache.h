#pragma once
// Steps that are repeated, as graphs: a step is a thousand launches, which take the host longer than the device; a graph is one. A step's first
// time is eager, and lets scratch memory grow; its second time it is captured and the graph launched; after that the graph alone is launched.
//
// A graph holds the addresses it was captured with. All are dropped as soon as memory that one of them may know has moved or is gone
// (MemoryWatch::moves), and the one not used for longest when there would be more than kMostGraphs.
#include <cstdint>
#include <functional>
#include <vector>

#include "device/cuda/context.h"

namespace paceline::cuda {

// How often steps with a key ran in each way, and how many graphs were given up.
struct GraphCounts {
  uint64_t eager = 0, captured = 0, replayed = 0, dropped = 0;
};

class GraphCache {
 public:
  // Most steps have few forms: one sequence's numbers of drafts, several sequences' common ones. A graph of a thousand launches takes a few MB.
  static constexpr size_t kMostGraphs = 64, kMostSeen = 256;

  explicit GraphCache(CudaContext& context);
  ~GraphCache();
  GraphCache(const GraphCache&) = delete;
  GraphCache& operator=(const GraphCache&) = delete;

  // `step` queues the same work whenever it has the same key; 0: it never comes again. Throws Error when it does what cannot be captured.
  void run(uint64_t key, const std::function<void()>& step);

  const GraphCounts& counts() const { return counts_; }
  size_t size() const { return graphs_.size(); }

 private:
  struct Graph {
    uint64_t key;
    cudaGraphExec_t exec;
    uint64_t used;  // at this run
  };

  void remember(uint64_t key);
  cudaGraphExec_t capture(const std::function<void()>& step);
  void launch(Graph& graph);
  void make_room();
  void drop_what_moved();
  void drop_all();

  CudaContext& context_;
  std::vector<Graph> graphs_;
  std::vector<uint64_t> seen_;  // keys of the last eager runs, a ring
  size_t next_seen_ = 0;
  uint64_t runs_ = 0, moves_ = 0;
  GraphCounts counts_;
};

}  // namespace paceline::cuda
