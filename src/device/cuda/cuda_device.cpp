#include "device/cuda/cuda_device.h"

#include <algorithm>
#include <chrono>

#include "base/random.h"
#include "device/cuda/attention.h"
#include "device/cuda/candidates.h"
#include "device/cuda/choose.h"
#include "device/cuda/embed.h"
#include "device/cuda/experts.h"
#include "device/cuda/int8_peak.h"
#include "device/cuda/kv_layout.h"
#include "device/cuda/matmul.h"
#include "device/cuda/open_cuda.h"
#include "device/cuda/recurrent.h"
#include "device/cuda/rows.h"

namespace paceline {

// Asynchronous copies to shared memory and bf16 products on tensor cores: GeForce RTX 30, A100 and later.
constexpr int kLeastCapability = 8;

std::string missing_cuda_device() {
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status != cudaSuccess || count == 0)
    return cat("no GPU, or no driver for it: ", cudaGetErrorString(status == cudaSuccess ? cudaErrorNoDevice : status));
  cudaDeviceProp gpu;
  if (const cudaError_t asked = cudaGetDeviceProperties(&gpu, 0); asked != cudaSuccess)
    return cat("no GPU that answers: ", cudaGetErrorString(asked));
  if (gpu.major >= kLeastCapability) return "";
  return cat("the GPU (", gpu.name, ") has compute capability ", gpu.major, ".", gpu.minor, ", expected ",
             kLeastCapability, ".0 or later");
}

std::unique_ptr<Device> open_cuda_device(const DeviceOptions& options) {
  if (options.threads < 0 || options.threads > 1024)
    fail("threads is ", options.threads, ", expected 0 (all cores) to 1024");
  return std::make_unique<cuda::CudaDevice>(options.threads, options.graphs);
}

}  // namespace paceline

namespace paceline::cuda {

namespace {

// A tensor's memory. Tensors are made when something begins and freed when it ends (a sequence, a runner, a model), so that a graph which
// knows one is assumed.
class CudaAllocation final : public Allocation {
 public:
  CudaAllocation(size_t bytes, std::shared_ptr<MemoryWatch> watch) : watch_(std::move(watch)), bytes_(bytes) {}
  ~CudaAllocation() override { ++watch_->moves; }
  void* data() const override { return bytes_.data(); }

 private:
  const std::shared_ptr<MemoryWatch> watch_;
  DeviceBytes bytes_;
};

// A step ends, also by an exception.
struct StepEnd {
  CudaContext& context;
  ~StepEnd() {
    context.deferred.drop();
    context.step.end();
  }
};

// Four bytes an element: what rows can be read, written and cleared.
size_t dense_row_bytes(Tensor tensor) {
  PACELINE_ASSERT(tensor.dtype == DType::F32 || tensor.dtype == DType::I32);
  return static_cast<size_t>(tensor.cols) * 4;
}

size_t pitch_bytes(Tensor tensor) { return static_cast<size_t>(tensor.stride) * 4; }

// Saved K or V: for each head the codes of whole panels, then for each head their scales.
struct SavedPanels {
  SavedPanels(const Tensor& slab, const KvShape& shape, int first, int count)
      : at(kv_slab(slab, shape)), heads(static_cast<size_t>(shape.head_count_kv)) {
    const int begin = first / kPanelPositions * kPanelPositions, end = slab_positions(first + count);
    const size_t dim = static_cast<size_t>(shape.head_dim), value = static_cast<size_t>(value_bytes(slab.dtype));
    const size_t before = static_cast<size_t>(begin) * dim, values = static_cast<size_t>(end - begin) * dim;
    at.codes += before * value;
    codes_bytes = values * value;
    if (at.scales == nullptr) return;
    at.scales += before / kScaledDims;
    scales_bytes = values / kScaledDims * sizeof(uint16_t);
  }

  size_t codes_pitch() const { return static_cast<size_t>(at.head_bytes); }
  size_t scales_pitch() const { return static_cast<size_t>(at.head_scales) * sizeof(uint16_t); }
  size_t bytes() const { return heads * (codes_bytes + scales_bytes); }

  KvSlab at;
  size_t heads, codes_bytes = 0, scales_bytes = 0;  // bytes: of a head
};

}  // namespace

std::string CudaDevice::description() const {
  const cudaDeviceProp& device = context_.properties;
  return cat("cuda: ", device.name, ", ", human_bytes(device.totalGlobalMem), ", compute capability ", device.major,
             ".", device.minor, ", ", device.multiProcessorCount, " multiprocessors");
}

uint64_t CudaDevice::available_bytes() const {
  size_t free_bytes = 0, total_bytes = 0;
  check(cudaMemGetInfo(&free_bytes, &total_bytes), "asking how much memory is free");
  return free_bytes;
}

// Twenty copies, so that waiting for them does not count; after one that is not timed.
double CudaDevice::copy_gb_s() {
  constexpr int kCopies = 20;
  if (copied_bytes_ == 0) {
    const uint64_t bytes = std::clamp(available_bytes() / 8, uint64_t{1} << 20, uint64_t{256} << 20);
    copied_ = DeviceBytes(2 * bytes);
    copied_bytes_ = bytes;
    check(cudaMemsetAsync(copied_.data(), 1, 2 * copied_bytes_, context_.stream), "clearing memory");
  }
  auto* first = static_cast<std::byte*>(copied_.data());
  const auto copy = [&] {
    check(cudaMemcpyAsync(first + copied_bytes_, first, copied_bytes_, cudaMemcpyDeviceToDevice, context_.stream),
          "copying on the device");
  };
  const auto wait = [&] { check(cudaStreamSynchronize(context_.stream), "waiting for the device"); };
  copy(), wait();
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < kCopies; ++i) copy();
  wait();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return 2e-9 * kCopies * static_cast<double>(copied_bytes_) / seconds;
}

double CudaDevice::int8_gop_s() { return cuda::int8_gop_s(context_); }

OwnedTensor CudaDevice::allocate_bytes(size_t bytes, DType dtype, int rows, int cols) {
  context_.watch->expect_no_capture("allocating a tensor");
  OwnedTensor tensor;
  tensor.memory = std::make_unique<CudaAllocation>(bytes, context_.watch);
  tensor.data = tensor.memory->data();
  tensor.dtype = dtype;
  tensor.rows = rows;
  tensor.cols = cols;
  tensor.stride = cols;
  if (bytes > 0) check(cudaMemsetAsync(tensor.data, 0, bytes, context_.stream), "clearing memory");
  return tensor;
}

OwnedTensor CudaDevice::allocate(DType dtype, int rows, int cols) {
  PACELINE_ASSERT(dtype != DType::Q8_0);
  const size_t count = static_cast<size_t>(rows) * static_cast<size_t>(cols);
  return allocate_bytes(count * static_cast<size_t>(value_bytes(dtype)), dtype, rows, cols);
}

OwnedTensor CudaDevice::allocate_kv(DType dtype, int max_length, const KvShape& shape) {
  const int multiple = dtype == DType::Q8_0 ? kScaledDims : 8;
  if (shape.head_dim % multiple != 0 || shape.head_dim > kMaxHeadDim)
    fail("cuda: head_dim is ", shape.head_dim, ", expected a multiple of ", multiple, " up to ", kMaxHeadDim,
         dtype == DType::Q8_0 ? " for a q8_0 cache" : "");
  const int positions = slab_positions(max_length), cols = shape.head_count_kv * shape.head_dim;
  const size_t values = static_cast<size_t>(positions) * static_cast<size_t>(cols);
  const size_t scales = dtype == DType::Q8_0 ? values / kScaledDims * sizeof(uint16_t) : 0;
  return allocate_bytes(values * static_cast<size_t>(value_bytes(dtype)) + scales, dtype, positions, cols);
}

size_t CudaDevice::saved_kv_bytes(const Tensor& slab, const KvShape& shape, int first, int count) const {
  return SavedPanels(slab, shape, first, count).bytes();
}

void CudaDevice::save_kv(std::byte* to, const Tensor& slab, const KvShape& shape, int first, int count) {
  const SavedPanels saved(slab, shape, first, count);
  context_.download(to, saved.at.codes, saved.codes_pitch(), saved.codes_bytes, saved.heads);
  context_.download(to + saved.heads * saved.codes_bytes, saved.at.scales, saved.scales_pitch(), saved.scales_bytes,
                    saved.heads);
}

void CudaDevice::restore_kv(const Tensor& slab, const KvShape& shape, const std::byte* from, int first, int count) {
  const SavedPanels saved(slab, shape, first, count);
  context_.upload(saved.at.codes, saved.codes_pitch(), from, saved.codes_bytes, saved.heads);
  context_.upload(saved.at.scales, saved.scales_pitch(), from + saved.heads * saved.codes_bytes, saved.scales_bytes,
                  saved.heads);
}

WeightPtr CudaDevice::load(const QuantMatrix& matrix, WeightUse use, int expert_count) {
  return loader_.load(matrix, use, expert_count);
}

uint64_t CudaDevice::weight_bytes(const QuantMatrix& matrix, WeightUse, int expert_count) const {
  return stored_bytes(matrix.type, matrix.rows / expert_count, matrix.cols, expert_count);
}

void CudaDevice::write(Tensor to, const void* values) {
  context_.upload(to.data, pitch_bytes(to), values, dense_row_bytes(to), static_cast<size_t>(to.rows));
}

void CudaDevice::read(void* values, Tensor from) {
  context_.download(values, from.data, pitch_bytes(from), dense_row_bytes(from), static_cast<size_t>(from.rows));
}

void CudaDevice::clear(Tensor tensor) {
  context_.deferred.settle();
  check(cudaMemset2DAsync(tensor.data, pitch_bytes(tensor), 0, dense_row_bytes(tensor),
                          static_cast<size_t>(tensor.rows), context_.stream),
        "clearing memory");
}

void CudaDevice::gather_rows(Tensor out, Tensor in, std::span<const int> rows) {
  PACELINE_ASSERT(out.rows == static_cast<int>(rows.size()) && out.cols == in.cols);
  for (const int row : rows) PACELINE_ASSERT(row >= 0 && row < in.rows);
  cuda::gather_rows(context_, out, in, rows);
}

void CudaDevice::run(uint64_t key, std::span<const Segment> segments, const std::function<void()>& step) {
  context_.step.begin(segments);
  const StepEnd end{context_};
  const auto whole_step = [&] {
    step();
    context_.deferred.settle();
  };
  if (key == 0 || !uses_graphs_) return whole_step();
  // The grid of attention is part of the form, too.
  graphs_.run(mix64(key ^ static_cast<uint64_t>(attention_splits(context_.step.end_position()))), whole_step);
}

void CudaDevice::mark() {
  context_.watch->expect_no_capture("timing");
  context_.deferred.settle();
  last_mark_ ^= 1;
  check(cudaEventRecord(marks_[last_mark_], context_.stream), "recording an event");
}

double CudaDevice::seconds_between_marks() {
  float milliseconds = 0;
  check(cudaEventElapsedTime(&milliseconds, marks_[last_mark_ ^ 1], marks_[last_mark_]),
        "asking for the time between two events");
  return 1e-3 * static_cast<double>(milliseconds);
}

void CudaDevice::embed(Tensor out, const Weight& table, Tensor tokens) {
  checks::embed(out, table, tokens);
  cuda::embed(context_, out, static_cast<const CudaWeight&>(table), tokens);
}

void CudaDevice::rms_norm(Tensor out, Tensor x, Tensor weight, float eps) {
  checks::rms_norm(out, x, weight);
  cuda::rms_norm(context_, out, x, weight, eps);
}

void CudaDevice::project(std::span<const Tensor> out, Tensor x, std::span<const Weight* const> weights) {
  checks::project(out, x, weights);
  cuda::project(context_, out, x, weights);
}

void CudaDevice::project_add(Tensor out, Tensor x, const Weight& weight) {
  checks::project_add(out, x, weight);
  cuda::project_add(context_, out, x, static_cast<const CudaWeight&>(weight));
}

void CudaDevice::swiglu(Tensor out, Tensor gate, Tensor up) {
  checks::same_shape(out, gate);
  checks::same_shape(out, up);
  cuda::swiglu(context_, out, gate, up);
}

void CudaDevice::sigmoid_gate(Tensor x, Tensor gate) {
  checks::same_shape(x, gate);
  cuda::sigmoid_gate(context_, x, gate);
}

void CudaDevice::rotate(Tensor x, const Batch& batch, const RotaryShape& shape) {
  checks::rotate(x, batch, shape);
  cuda::rotate(context_, x, batch, shape);
}

void CudaDevice::store_kv(const Batch& batch, int layer, Tensor k, Tensor v) {
  checks::store_kv(batch, layer, k, v);
  cuda::store_kv(context_, batch, layer, k, v);
}

void CudaDevice::attention(Tensor out, Tensor q, const Batch& batch, int layer, const AttentionShape& shape) {
  checks::attention(out, q, batch, layer, shape);
  cuda::attention(context_, out, q, batch, layer, shape);
}

void CudaDevice::conv_silu(Tensor out, Tensor u, const Batch& batch, int layer, Tensor weight) {
  checks::conv_silu(out, u, batch, layer, weight);
  cuda::conv_silu(context_, out, u, batch, layer, weight);
}

void CudaDevice::delta_rule(Tensor out, const DeltaRuleInput& input, const Batch& batch, int layer) {
  checks::delta_rule(out, input, batch, layer);
  cuda::delta_rule(context_, out, input, batch, layer);
}

void CudaDevice::gated_rms_norm(Tensor out, Tensor x, Tensor weight, Tensor z, float eps) {
  checks::rms_norm(out, x, weight);
  checks::same_shape(out, z);
  cuda::gated_rms_norm(context_, out, x, weight, z, eps);
}

void CudaDevice::route(Tensor ids, Tensor shares, Tensor logits, const ExpertShape& shape) {
  checks::route(ids, shares, logits, shape);
  cuda::route(context_, ids, shares, logits, shape);
}

void CudaDevice::project_experts(Tensor out, Tensor x, Tensor ids, Tensor shares, const ExpertWeights& weights) {
  checks::project_experts(out, x, ids, shares, weights);
  cuda::project_experts(context_, out, x, ids, shares, weights);
}

void CudaDevice::add_shared_expert(Tensor out, Tensor shared, Tensor x, Tensor gate) {
  checks::same_shape(out, shared);
  checks::same_shape(out, x);
  cuda::add_shared_expert(context_, out, shared, x, gate);
}

void CudaDevice::argmax(Tensor ids, Tensor logits) {
  checks::argmax(ids, logits);
  cuda::argmax(context_, ids, logits);
}

void CudaDevice::list_candidates(Tensor out, Tensor logits, Tensor ids, std::span<const CandidateRanking> rankings) {
  checks::list_candidates(out, logits, ids, rankings);
  cuda::list_candidates(context_, out, logits, ids, rankings);
}

void CudaDevice::choose_drafts(Tensor out, Tensor lists, std::span<const DraftRule> rules) {
  checks::choose_drafts(out, lists, rules);
  cuda::choose_drafts(context_, out, lists, rules);
}

}  // namespace paceline::cuda
