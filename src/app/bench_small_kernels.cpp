#include "app/kernel_timer.h"
#include "device/candidates.h"

namespace paceline {

namespace {

constexpr int kRows[] = {1, 4, 512};
constexpr int kMostRows = 512;
constexpr int kTogether = 32;  // operations that are timed at once: one alone may be a few microseconds
constexpr int kCandidates = 64;

// The operations between the products of a step. They are short, so that what counts is how long one takes, not its share of the bandwidth.
class SmallKernels {
 public:
  SmallKernels(Session& session, KernelTimer& timer)
      : session_(session), device_(*session.device), timer_(timer), width_(session.model->facts().width) {}

  void measure() {
    norms_and_gates();
    const StateShape shape =
        session_.model->state_shape(2 * kMostRows + kMostGenerateRows, kMostGenerateRows, session_.options.kv);
    if (!shape.kv.empty()) heads(shape);
    if (!shape.recurrent.empty()) convolution(shape);
    candidates();
  }

 private:
  // Several times in one step, as they are in a model's.
  void time(const std::string& kernel, int rows, double bytes, const std::function<void()>& operation,
            std::span<const Segment> segments = {}) {
    const uint64_t key = ++key_;
    timer_.measure(
        kernel, rows, {bytes}, rows == kRows[0],
        [&] {
          device_.run(key, segments, [&] {
            for (int i = 0; i < kTogether; ++i) operation();
          });
        },
        kTogether);
  }

  void norms_and_gates() {
    const std::string architecture = session_.file->metadata().text("general.architecture");
    const int hidden = static_cast<int>(
        session_.file->metadata().find_integer(architecture + ".feed_forward_length", 1, 1 << 20).value_or(width_));
    const OwnedTensor x = random_tensor(device_, kMostRows, width_), normed = random_tensor(device_, kMostRows, width_),
                      weight = random_tensor(device_, 1, width_), gate = random_tensor(device_, kMostRows, hidden),
                      up = random_tensor(device_, kMostRows, hidden), out = random_tensor(device_, kMostRows, hidden);
    for (const int rows : kRows)
      time(cat("rms_norm of ", width_), rows, 8.0 * rows * width_,
           [&] { device_.rms_norm(normed.row_range(0, rows), x.row_range(0, rows), weight, 1e-6f); });
    for (const int rows : kRows)
      time(cat("swiglu of ", hidden), rows, 12.0 * rows * hidden,
           [&] { device_.swiglu(out.row_range(0, rows), gate.row_range(0, rows), up.row_range(0, rows)); });
  }

  // Of keys and values.
  void heads(const StateShape& shape) {
    StateShape one = shape;
    one.kv.resize(1), one.recurrent.clear();
    const KvShape& kv = one.kv[0];
    SequenceState state(device_, one);
    const int width = kv.head_count_kv * kv.head_dim;
    const OwnedTensor k = random_tensor(device_, kMostRows, width), v = random_tensor(device_, kMostRows, width),
                      weight = random_tensor(device_, 1, kv.head_dim);
    const RotaryShape rotary{kv.head_count_kv, kv.head_dim, std::min(64, kv.head_dim / 2 * 2), 1e6};
    for_rows(state, k, kRows, [&](int rows, const Batch& batch) {
      const Tensor keys = k.row_range(0, rows).as_heads(kv.head_count_kv, kv.head_dim);
      const auto norm_and_rotate = [&] {
        device_.rms_norm(keys, keys, weight, 1e-6f);
        device_.rotate(keys, batch, rotary);
      };
      time(cat("norm and rotation of ", kv.head_count_kv, " heads of ", kv.head_dim), rows, 8.0 * rows * width,
           norm_and_rotate, batch.segments);
    });
    for_rows(state, k, kRows, [&](int rows, const Batch& batch) {
      const auto store = [&] { device_.store_kv(batch, 0, k.row_range(0, rows), v.row_range(0, rows)); };
      time("storing keys and values", rows, 12.0 * rows * width, store, batch.segments);
    });
  }

  void convolution(const StateShape& shape) {
    StateShape one = shape;
    one.kv.clear(), one.recurrent.resize(1);
    const RecurrentShape& r = one.recurrent[0];
    SequenceState state(device_, one);
    const OwnedTensor u = random_tensor(device_, kMostRows, r.conv_channels),
                      out = random_tensor(device_, kMostRows, r.conv_channels),
                      taps = random_tensor(device_, r.conv_channels, r.conv_kernel);
    for_rows(state, u, kRows, [&](int rows, const Batch& batch) {
      const auto convolve = [&] { device_.conv_silu(out.row_range(0, rows), u.row_range(0, rows), batch, 0, taps); };
      time("conv_silu", rows, 8.0 * rows * r.conv_channels, convolve, batch.segments);
    });
  }

  void candidates() {
    constexpr int kMostCandidateRows = 4;
    const int vocab_size = session_.model->facts().vocab_size;
    const OwnedTensor logits = random_tensor(device_, kMostCandidateRows, vocab_size),
                      out = device_.allocate(DType::I32, kMostCandidateRows, candidate_words(kCandidates));
    const CandidateRanking rankings[kMostCandidateRows];
    for (const int rows : {1, kMostCandidateRows})
      timer_.measure(cat("the best ", kCandidates, " of ", vocab_size), rows, {4.0 * rows * vocab_size}, rows == 1,
                     [&] {
                       device_.list_candidates(out.row_range(0, rows), logits.row_range(0, rows), {},
                                               std::span(rankings).first(static_cast<size_t>(rows)));
                     });
  }

  Session& session_;
  Device& device_;
  KernelTimer& timer_;
  const int width_;
  uint64_t key_ = 0;
};

}  // namespace

void measure_small_kernels(Session& session, KernelTimer& timer) { SmallKernels(session, timer).measure(); }

}  // namespace paceline
