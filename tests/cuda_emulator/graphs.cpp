// Stream capture and graphs. A captured launch or copy keeps the arguments it was asked with; what they point to is read when the graph runs.
#include "cuda_emulator/queue.h"

using cuda_emulator::Capture;
using cuda_emulator::Lock;
using cuda_emulator::runtime;

struct EmulatedGraph {
  std::vector<cuda_emulator::Work> nodes;
};

struct EmulatedGraphExec {
  std::shared_ptr<const std::vector<cuda_emulator::Work>> nodes;
};

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode) {
  const Lock lock(runtime().mutex);
  if (stream == nullptr || mode != cudaStreamCaptureModeThreadLocal) return cudaErrorInvalidValue;
  if (runtime().capture != nullptr) return cudaErrorIllegalState;
  runtime().capture = std::make_unique<Capture>(Capture{stream, std::this_thread::get_id(), {}, false});
  return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  const Lock lock(runtime().mutex);
  *graph = nullptr;
  if (!cuda_emulator::is_capturing(stream)) return cudaErrorIllegalState;
  const std::unique_ptr<Capture> capture = std::move(runtime().capture);
  if (capture->is_invalid) return cudaErrorStreamCaptureInvalidated;
  *graph = new EmulatedGraph{std::move(capture->nodes)};
  return cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t graph, unsigned long long flags) {
  if (graph == nullptr || flags != 0) return cudaErrorInvalidValue;
  *exec = new EmulatedGraphExec{std::make_shared<const std::vector<cuda_emulator::Work>>(graph->nodes)};
  return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream) {
  const Lock lock(runtime().mutex);
  if (exec == nullptr) return cudaErrorInvalidValue;
  if (cuda_emulator::refuses_while_capturing()) return cudaErrorStreamCaptureUnsupported;
  cuda_emulator::enqueue(stream, [nodes = exec->nodes] {
    for (const cuda_emulator::Work& node : *nodes) node();
  });
  return cudaSuccess;
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}

// What is queued of it still runs.
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) {
  delete exec;
  return cudaSuccess;
}
