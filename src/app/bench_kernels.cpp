#include "app/bench_kernels.h"

#include <algorithm>
#include <cstring>
#include <map>

#include "app/kernel_timer.h"

namespace paceline {

namespace {

constexpr int kFewRows[] = {1, 2, 4, 8, 16};
constexpr int kManyRows = 512, kManyOutputs = 9216;
constexpr int kAllRows[] = {1, 2, 4, 8, 16, kManyRows};
constexpr size_t kMatrixBytes = size_t{384} << 20;
constexpr size_t kMostOutputs = (size_t{1} << 19) - 16;  // of narrow matrices; a GPU's grid ends at 65,535 panels of 16
constexpr int kAttentionPosition = 4096;

class Kernels {
 public:
  Kernels(Session& session, int repetitions)
      : session_(session), device_(*session.device), timer_(session, repetitions) {}

  std::vector<KernelResult> run() {
    std::map<QuantType, const GgufTensor*> largest;
    for (const GgufTensor& tensor : session_.file->tensors()) {
      if (tensor.rows() < 16 || tensor.type == QuantType::F32) continue;
      const GgufTensor*& best = largest[tensor.type];
      if (best == nullptr || tensor.bytes.size() > best->bytes.size()) best = &tensor;
    }
    for (const auto& [type, tensor] : largest) products(*tensor);
    const StateShape shape =
        session_.model->state_shape(kAttentionPosition + kManyRows, kMostGenerateRows, session_.options.kv);
    if (!shape.kv.empty()) attention(shape);
    if (!shape.recurrent.empty()) delta_rule(shape);
    measure_small_kernels(session_, timer_);
    return std::move(timer_.results);
  }

 private:
  // The largest matrix of the type in the file, repeated until it has `rows` rows.
  static std::vector<std::byte> repeated(const GgufTensor& tensor, int rows) {
    std::vector<std::byte> bytes(row_bytes(tensor.type, tensor.cols()) * static_cast<size_t>(rows));
    for (size_t done = 0; done < bytes.size(); done += tensor.bytes.size())
      std::memcpy(bytes.data() + done, tensor.bytes.data(), std::min(tensor.bytes.size(), bytes.size() - done));
    return bytes;
  }

  void products(const GgufTensor& tensor) {
    const std::string name(format_info(tensor.type).name);
    const int rows =
        static_cast<int>(std::min(kMatrixBytes / row_bytes(tensor.type, tensor.cols()) / 16 * 16, kMostOutputs));
    project(tensor, name + " few", rows, kFewRows);
    const int many[] = {kManyRows};
    project(tensor, name + " many", kManyOutputs, many);
  }

  void project(const GgufTensor& tensor, const std::string& kernel, int outputs, std::span<const int> row_counts) {
    const int cols = static_cast<int>(tensor.cols());
    const std::vector<std::byte> bytes = repeated(tensor, outputs);
    const WeightPtr weight = device_.load({tensor.type, outputs, cols, bytes}, WeightUse::Project);
    const Weight* const list[] = {weight.get()};
    const int most = row_counts.back();
    const OwnedTensor x = random_tensor(device_, most, cols), out = device_.allocate(DType::F32, most, outputs);
    for (const int rows : row_counts) {
      const Tensor outs[] = {out.row_range(0, rows)};
      const double read = rows <= kMostGenerateRows ? static_cast<double>(bytes.size()) : 0;
      const KernelTimer::Cost cost{read, 2.0 * rows * outputs * cols, format_info(tensor.type).block_size > 1};
      timer_.measure(kernel, rows, cost, rows == row_counts.front(),
                     [&] { device_.project(outs, x.row_range(0, rows), list); });
    }
  }

  // One KV layer, read once for all rows of a segment.
  void attention(const StateShape& shape) {
    StateShape one = shape;
    one.kv.resize(1), one.recurrent.clear();
    const KvShape& kv = one.kv[0];
    const std::string prefix = session_.file->metadata().text("general.architecture") + ".attention.head_count";
    const int heads =
        static_cast<int>(session_.file->metadata().find_integer(prefix, 1, 1 << 16).value_or(kv.head_count_kv));
    const AttentionShape attention{heads, kv.head_count_kv, kv.head_dim, 1};
    SequenceState state(device_, one);
    const int width = kv.head_count_kv * kv.head_dim;
    for (int done = 0; done < kAttentionPosition; done += kManyRows) store(state, width, kManyRows);
    const double value_bytes = kv.k_type == DType::F32 ? 4 : kv.k_type == DType::F16 ? 2 : 34.0 / 32;
    const double read = 2.0 * kAttentionPosition * width * value_bytes;
    const OwnedTensor q = random_tensor(device_, kManyRows * heads, kv.head_dim),
                      out = device_.allocate(DType::F32, kManyRows, heads * kv.head_dim);
    for_rows(state, out, kAllRows, [&](int rows, const Batch& batch) {
      // Of a prompt the arithmetic limits; its last row sees `rows` positions more than its first one.
      const double positions = kAttentionPosition + rows / 2.0;
      const KernelTimer::Cost few{read}, many{0, 4.0 * rows * heads * kv.head_dim * positions, false};
      device_.store_kv(batch, 0, random_tensor(device_, rows, width), random_tensor(device_, rows, width));
      timer_.measure(cat("attention at ", kAttentionPosition, ", one layer"), rows,
                     rows <= kMostGenerateRows ? few : many, rows == 1, [&] {
                       device_.attention(out.row_range(0, rows), q.row_range(0, rows * heads), batch, 0, attention);
                     });
    });
  }

  void store(SequenceState& state, int width, int rows) {
    const OwnedTensor k = random_tensor(device_, rows, width), v = random_tensor(device_, rows, width);
    state.begin_step(rows, Phase::Prompt);
    const Segment segment{&state, 0, rows, state.length(), Phase::Prompt};
    device_.store_kv({k, {&segment, 1}}, 0, k, v);
    state.commit(rows);
  }

  // One recurrent layer; S is read and written once for all rows.
  void delta_rule(const StateShape& shape) {
    StateShape one = shape;
    one.kv.clear(), one.recurrent.resize(1);
    const RecurrentShape& r = one.recurrent[0];
    SequenceState state(device_, one);
    const int heads = r.value_head_count;
    const OwnedTensor qkv = random_tensor(device_, kManyRows, r.conv_channels),
                      gates = random_tensor(device_, kManyRows, heads),
                      out = device_.allocate(DType::F32, kManyRows, heads * r.head_dim);
    const OwnedTensor a = random_tensor(device_, 1, heads), dt = random_tensor(device_, 1, heads);
    const double read = 4.0 * heads * r.head_dim * r.head_dim;
    for_rows(state, out, kAllRows, [&](int rows, const Batch& batch) {
      const DeltaRuleInput input{
          qkv.row_range(0, rows), gates.row_range(0, rows), gates.row_range(0, rows), a, dt, 1e-6f};
      timer_.measure("delta rule, one layer", rows, {read}, rows == 1,
                     [&] { device_.delta_rule(out.row_range(0, rows), input, batch, 0); });
    });
  }

  Session& session_;
  Device& device_;
  KernelTimer timer_;
};

std::string share_of(double value, double share, int digits) {
  if (value <= 0) return "– | –";
  return cat(fixed(value, digits), " | ", share > 0 ? cat(fixed(share * 100, 0), " %") : "–");
}

}  // namespace

std::vector<KernelResult> measure_kernels(Session& session, int repetitions) {
  return Kernels(session, repetitions).run();
}

std::string kernels_as_markdown(const std::vector<KernelResult>& results) {
  std::string out =
      "| kernel | rows | ms | lowest – highest | time / first | GB/s | of bandwidth | Gop/s | of int8 peak |\n"
      "|---|---|---|---|---|---|---|---|---|\n";
  for (const KernelResult& row : results) {
    const int digits = row.milliseconds < 0.1 ? 5 : 3;
    out +=
        cat("| ", row.kernel, " | ", row.rows, " | ", fixed(row.milliseconds, digits), " | ",
            fixed(row.fastest, digits), " – ", fixed(row.slowest, digits), " | ", fixed(row.ratio, 2), " | ",
            share_of(row.gb_per_s, row.bandwidth_share, 1), " | ", share_of(row.gop_per_s, row.peak_share, 0), " |\n");
  }
  return out;
}

Json kernels_as_json(const std::vector<KernelResult>& results) {
  Json out = Json::array();
  for (const KernelResult& result : results) {
    Json row = Json::object();
    row.set("kernel", result.kernel), row.set("rows", result.rows), row.set("ms", result.milliseconds);
    row.set("fastest_ms", result.fastest), row.set("slowest_ms", result.slowest), row.set("ratio", result.ratio);
    row.set("gb_per_s", result.gb_per_s), row.set("bandwidth_share", result.bandwidth_share);
    row.set("gop_per_s", result.gop_per_s), row.set("peak_share", result.peak_share);
    out.push_back(std::move(row));
  }
  return out;
}

}  // namespace paceline
