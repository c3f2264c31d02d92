// Stream capture on the emulator, and the cache of graphs: what is captured, what is replayed, when graphs go, and what a captured step may not do.
#include <gtest/gtest.h>

#include <vector>

#include "device/cuda/cuda_device.h"
#include "device/cuda/launch.h"

namespace paceline::cuda {
namespace {

constexpr auto add_kernel = +[](int* to, const int* amount) {
  wait_for_previous_kernel();
  if (threadIdx.x == 0) *to += *amount;
};
constexpr auto times_kernel = +[](int* to, int factor) {
  wait_for_previous_kernel();
  if (threadIdx.x == 0) *to *= factor;
};

// Two integers in device memory.
class Capture : public testing::Test {
 protected:
  void set(int which, int value) { context.upload(ints() + which, &value, sizeof value); }
  int get(int which) {
    int value = 0;
    context.download(&value, ints() + which, sizeof value, sizeof value, 1);
    return value;
  }
  int* ints() { return static_cast<int*>(memory.data()); }
  void queue_add() {
    launch(add_kernel, {"add", dim3(1), 32, 0}, context, ints(), static_cast<const int*>(ints() + 1));
  }
  void queue_times(int factor) { launch(times_kernel, {"times", dim3(1), 32, 0}, context, ints(), factor); }

  // What the runtime says to `call` in a capture, and to the end of that capture.
  std::pair<cudaError_t, cudaError_t> refusal(const std::function<cudaError_t()>& call) {
    cudaGraph_t graph = nullptr;
    EXPECT_EQ(cudaStreamBeginCapture(context.stream, cudaStreamCaptureModeThreadLocal), cudaSuccess);
    const cudaError_t said = call(), at_end = cudaStreamEndCapture(context.stream, &graph);
    EXPECT_EQ(graph == nullptr, at_end != cudaSuccess);
    cudaGraphDestroy(graph);
    return {said, at_end};
  }

  CudaContext context;
  DeviceBytes memory{2 * sizeof(int)};
};

TEST_F(Capture, RecordsInOrderAndReadsMemoryWhenItIsReplayed) {
  set(0, 5), set(1, 2);
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t exec = nullptr;
  int factor = 10;
  ASSERT_EQ(cudaStreamBeginCapture(context.stream, cudaStreamCaptureModeThreadLocal), cudaSuccess);
  queue_add();
  queue_times(factor);
  factor = 1000;  // the argument was copied
  ASSERT_EQ(cudaStreamEndCapture(context.stream, &graph), cudaSuccess);
  EXPECT_EQ(get(0), 5);  // nothing has run
  ASSERT_EQ(cudaGraphInstantiate(&exec, graph, 0), cudaSuccess);
  cudaGraphDestroy(graph);
  ASSERT_EQ(cudaGraphLaunch(exec, context.stream), cudaSuccess);
  EXPECT_EQ(get(0), (5 + 2) * 10);
  set(0, 1), set(1, 3);
  ASSERT_EQ(cudaGraphLaunch(exec, context.stream), cudaSuccess);
  ASSERT_EQ(cudaGraphLaunch(exec, context.stream), cudaSuccess);
  EXPECT_EQ(get(0), ((1 + 3) * 10 + 3) * 10);
  cudaGraphExecDestroy(exec);
}

TEST_F(Capture, RefusesWhatWaitsOrMovesMemory) {
  void* piece = nullptr;
  int host = 0;
  const std::pair<cudaError_t, cudaError_t> refused{cudaErrorStreamCaptureUnsupported,
                                                    cudaErrorStreamCaptureInvalidated};
  EXPECT_EQ(refusal([&] { return cudaMalloc(&piece, 8); }), refused);
  EXPECT_EQ(refusal([&] { return cudaFree(memory.data()); }), refused);
  EXPECT_EQ(refusal([&] { return cudaMallocHost(&piece, 8); }), refused);
  EXPECT_EQ(refusal([&] { return cudaStreamSynchronize(context.stream); }), refused);
  EXPECT_EQ(refusal([&] { return cudaMemcpyAsync(ints(), &host, 4, cudaMemcpyHostToDevice, context.stream); }),
            refused);
  EXPECT_EQ(refusal([&] { return cudaMemsetAsync(ints(), 0, 4, context.stream); }).second, cudaSuccess);
  cudaGraph_t graph = nullptr;
  EXPECT_EQ(cudaStreamEndCapture(context.stream, &graph), cudaErrorIllegalState);
}

class Cache : public Capture {
 protected:
  // A step that multiplies by what it is called with, which a replay does not see.
  void run(uint64_t key, int factor) {
    graphs.run(key, [&] {
      ++calls;
      queue_times(factor);
    });
  }
  std::vector<uint64_t> counts() const {
    const GraphCounts& counted = graphs.counts();
    return {counted.eager, counted.captured, counted.replayed, counted.dropped};
  }
  std::string complaint_of(const std::function<void()>& step) {
    const uint64_t key = ++complaints;
    graphs.run(key, [] {});
    try {
      graphs.run(key, step);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }

  GraphCache graphs{context};
  int calls = 0;
  uint64_t complaints = 100;
};

TEST_F(Cache, RunsThenCapturesThenReplays) {
  set(0, 1);
  for (const int factor : {2, 3, 5, 7}) run(1, factor);  // the last two run what the second captured
  EXPECT_EQ(get(0), 2 * 3 * 3 * 3);
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(counts(), (std::vector<uint64_t>{1, 1, 2, 0}));
  run(2, 5);  // another form
  EXPECT_EQ(get(0), 2 * 3 * 3 * 3 * 5);
  for (int i = 0; i < 3; ++i) run(0, 1);  // forms that never come again
  EXPECT_EQ(calls, 6);
  EXPECT_EQ(counts(), (std::vector<uint64_t>{2, 1, 2, 0}));
}

TEST_F(Cache, DropsGraphsWhenScratchMemoryMoves) {
  set(0, 1);
  DeviceScratch scratch(*context.watch);
  const auto grow = [&](size_t count) { graphs.run(3, [&] { scratch.get<int>(count); }); };
  grow(100), grow(100), grow(100);  // it grew while the first ran, before the others
  EXPECT_EQ(counts(), (std::vector<uint64_t>{1, 1, 1, 0}));
  for (int i = 0; i < 3; ++i) run(1, 2);
  EXPECT_EQ(counts(), (std::vector<uint64_t>{2, 2, 2, 0}));
  scratch.get<int>(100);  // fits
  run(1, 2);
  scratch.get<int>(100000);
  run(1, 5);
  EXPECT_EQ(counts(), (std::vector<uint64_t>{3, 2, 3, 2}));
  run(1, 3), run(1, 11);
  EXPECT_EQ(get(0), 16 * 5 * 3 * 3);
  EXPECT_EQ(graphs.size(), 1u);
}

TEST_F(Cache, HoldsABoundedNumberAndDropsTheLeastRecentlyUsed) {
  for (uint64_t key = 1; key <= GraphCache::kMostGraphs; ++key) run(key, 1), run(key, 1);
  EXPECT_EQ(graphs.size(), GraphCache::kMostGraphs);
  run(1, 1);  // now key 2 is the one not used for longest
  run(1000, 1), run(1000, 1);
  EXPECT_EQ(graphs.size(), GraphCache::kMostGraphs);
  EXPECT_EQ(graphs.counts().dropped, 1u);
  const uint64_t replayed = graphs.counts().replayed;
  run(1, 1), run(3, 1);
  EXPECT_EQ(graphs.counts().replayed, replayed + 2);
  run(2, 1);  // seen before: captured at once
  EXPECT_EQ(graphs.counts().replayed, replayed + 2);
  EXPECT_EQ(graphs.counts().dropped, 2u);
}

TEST_F(Cache, SaysWhatACapturedStepMayNotDo) {
  int host = 0;
  DeviceScratch scratch(*context.watch);
  EXPECT_EQ(complaint_of([&] { context.upload(ints(), &host, 4); }),
            "cuda: copying to the device while a step is captured, expected before or behind it");
  EXPECT_EQ(complaint_of([&] { context.download(&host, ints(), 4, 4, 1); }),
            "cuda: copying from the device while a step is captured, expected before or behind it");
  EXPECT_EQ(complaint_of([&] { scratch.get<int>(10); }),
            "cuda: an operation's scratch memory grows while a step is captured, expected before or behind it");
  EXPECT_EQ(complaint_of([&] { check(cudaStreamSynchronize(context.stream), "waiting"); }),
            "cuda: waiting: operation not permitted when stream is capturing");
  // Somebody who looks away does not get a graph either.
  EXPECT_EQ(complaint_of([&] { cudaStreamSynchronize(context.stream); }),
            "cuda: capturing a step (--cuda-graphs off does without): operation failed due to a previous error during "
            "capture");
  // And nothing is left of it.
  set(0, 1);
  for (int i = 0; i < 3; ++i) run(9, 2);
  EXPECT_EQ(get(0), 8);
}

// Through the device: tensors and weights.
class DeviceGraphs : public testing::Test {
 protected:
  WeightPtr load(int rows) {
    static const std::vector<float> values(64 * 32, 0.5f);
    return device.load(
        {QuantType::F32, rows, 32, std::as_bytes(std::span(values).first(static_cast<size_t>(rows) * 32))},
        WeightUse::Project, 1);
  }
  void run(const Weight& weight) {
    device.run(1, {}, [&] {
      const Tensor outs[] = {out.columns(0, weight.rows)};
      const Weight* weights[] = {&weight};
      device.project(outs, x, weights);
    });
  }

  CudaDevice device{1};
  OwnedTensor x = device.allocate(DType::F32, 2, 32), out = device.allocate(DType::F32, 2, 64);
};

TEST_F(DeviceGraphs, GoWithTheMemoryTheyMayKnow) {
  const WeightPtr used = load(16);
  WeightPtr other = load(32);
  for (int i = 0; i < 3; ++i) run(*used);
  EXPECT_EQ(device.graph_counts().replayed, 1u);
  other.reset();  // no graph knows it
  run(*used);
  EXPECT_EQ(device.graph_counts().replayed, 2u);
  device.allocate(DType::F32, 1, 1).memory.reset();
  run(*used);
  EXPECT_EQ(device.graph_counts().dropped, 1u);
  EXPECT_EQ(device.graph_counts().eager, 2u);
  WeightPtr brief = load(16);
  run(*brief), run(*brief);
  EXPECT_EQ(device.graph_counts().captured, 2u);
  brief.reset();
  run(*used);
  EXPECT_EQ(device.graph_counts().dropped, 2u);
}

TEST_F(DeviceGraphs, RefuseTensorsAndWeightsInACapturedStep) {
  uint64_t next_key = 10;
  const auto complaint_of = [&](const std::function<void()>& step) -> std::string {
    const uint64_t key = ++next_key;
    device.run(key, {}, [] {});
    try {
      device.run(key, {}, step);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  std::vector<float> host(64);
  EXPECT_NE(complaint_of([&] { device.allocate(DType::F32, 1, 1); }).find("allocating a tensor"), std::string::npos);
  EXPECT_NE(complaint_of([&] { device.read(host.data(), x); }).find("copying from the device"), std::string::npos);
  EXPECT_NE(complaint_of([&] { device.write(x, host.data()); }).find("copying to the device"), std::string::npos);
  EXPECT_NE(complaint_of([&] { load(16); }).find("loading a weight"), std::string::npos);
}

TEST(DeviceWithoutGraphs, CallsEveryStep) {
  CudaDevice device(1, false);
  int calls = 0;
  for (int i = 0; i < 4; ++i) device.run(1, {}, [&] { ++calls; });
  EXPECT_EQ(calls, 4);
  EXPECT_EQ(device.graph_counts().captured, 0u);
}

}  // namespace
}  // namespace paceline::cuda
