// Operations with a memory in steps that are replayed: whatever stands at other positions, has other rows to replay and writes the other side
// of its records must have the bits that the same step has when it is launched kernel by kernel.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "base/random.h"
#include "device/cuda/cuda_device.h"
#include "device/step_key.h"

namespace paceline::cuda {
namespace {

constexpr int kHeadDim = 64, kRotated = 32, kMaxRows = 24, kLength = 300, kRecordRows = 4;
constexpr RecurrentShape kRecurrent{1, 2, 32, 128, 4};

struct Round {
  int rows, commit;
};

// One attention layer and one recurrent layer over fixed tensors, on a device with graphs or without.
class Layers {
 public:
  Layers(bool graphs, int sequences, int head_count_kv)
      : device_(1, graphs), heads_{2 * head_count_kv, head_count_kv, kHeadDim, 0.125f} {
    StateShape shape;
    shape.kv = {{head_count_kv, kHeadDim, DType::F16, DType::Q8_0}};
    shape.recurrent = {kRecurrent};
    shape.max_length = kLength;
    shape.max_generate_rows = kRecordRows;
    for (int i = 0; i < sequences; ++i) states_.push_back(std::make_unique<SequenceState>(device_, shape));
    tokens_ = device_.allocate(DType::I32, kMaxRows, 1);
    q_ = floats(heads_.head_count * kHeadDim), mixed_ = floats(heads_.head_count * kHeadDim);
    k_ = floats(head_count_kv * kHeadDim), v_ = floats(head_count_kv * kHeadDim);
    u_ = floats(kRecurrent.conv_channels), columns_ = floats(kRecurrent.conv_channels);
    beta_ = floats(2), alpha_ = floats(2), out_ = floats(64);
    conv_ = device_.allocate(DType::F32, kRecurrent.conv_channels, kRecurrent.conv_kernel);
    a_ = device_.allocate(DType::F32, 1, 2), dt_ = device_.allocate(DType::F32, 1, 2);
    fill(conv_, 1), fill(dt_, 2);
    const float decay[2] = {-0.3f, -0.05f};
    device_.write(a_, decay);
  }

  // A step of all sequences, of which each commits its round's rows; the results of all rows.
  std::vector<float> step(const std::vector<Round>& rounds, Phase phase) {
    std::vector<Segment> segments;
    int rows = 0;
    for (size_t i = 0; i < rounds.size(); ++i) {
      segments.push_back({states_[i].get(), rows, rounds[i].rows, states_[i]->length(), phase});
      rows += rounds[i].rows;
    }
    const Batch batch = begin(segments, rows);
    begin_steps(batch);
    device_.run(StepKey(segments).value(), segments, [&] {
      attend(batch, batch, 0);
      device_.conv_silu(columns_.row_range(0, rows), u_.row_range(0, rows), batch, 0, conv_);
      device_.delta_rule(
          out_.row_range(0, rows),
          {columns_.row_range(0, rows), beta_.row_range(0, rows), alpha_.row_range(0, rows), a_, dt_, 1e-6f}, batch, 0);
    });
    for (size_t i = 0; i < rounds.size(); ++i) states_[i]->commit(rounds[i].commit);
    std::vector<float> all = read(mixed_, rows);
    const std::vector<float> recurrent = read(out_, rows);
    all.insert(all.end(), recurrent.begin(), recurrent.end());
    return all;
  }

  // As a draft head catches up: rows that only leave K and V, then a row of each sequence in full, right behind them.
  std::vector<float> catch_up(int position, int before) {
    std::vector<Segment> segments, tail;
    int rows = 0;
    for (auto& state : states_) segments.push_back({state.get(), std::exchange(rows, rows + before), before, position});
    const int full_from = rows;
    for (auto& state : states_) {
      tail.push_back({state.get(), rows - full_from, 1, position + before});
      segments.push_back({state.get(), rows++, 1, position + before});
    }
    const Batch batch = begin(segments, rows);
    const Batch full{tokens_.row_range(full_from, rows - full_from), tail};
    device_.run(StepKey(segments).with(full_from).value(), segments, [&] { attend(batch, full, full_from); });
    return read(mixed_, rows - full_from);
  }

  const GraphCounts& counts() const { return device_.graph_counts(); }

 private:
  OwnedTensor floats(int cols) { return device_.allocate(DType::F32, kMaxRows, cols); }

  void fill(const Tensor& tensor, uint64_t seed) {
    std::vector<float> values(static_cast<size_t>(tensor.rows) * static_cast<size_t>(tensor.cols));
    for (size_t i = 0; i < values.size(); ++i)
      values[i] = static_cast<float>(2 * unit_interval(random_word(seed, i)) - 1);
    device_.write(tensor, values.data());
  }

  // Other inputs for every step.
  Batch begin(const std::vector<Segment>& segments, int rows) {
    for (const Tensor& tensor : {Tensor(q_), Tensor(k_), Tensor(v_), Tensor(u_), Tensor(beta_), Tensor(alpha_)})
      fill(tensor, ++seed_);
    return {tokens_.row_range(0, rows), segments};
  }

  void attend(const Batch& batch, const Batch& full, int full_from) {
    const int rows = batch.rows(), kv_heads = heads_.head_count_kv;
    const Tensor k = k_.row_range(0, rows), q = q_.row_range(full_from, full.rows());
    device_.rotate(k.as_heads(kv_heads, kHeadDim), batch, {kv_heads, kHeadDim, kRotated, 1e4});
    device_.store_kv(batch, 0, k, v_.row_range(0, rows));
    const Tensor q_heads = q.as_heads(heads_.head_count, kHeadDim);
    device_.rotate(q_heads, full, {heads_.head_count, kHeadDim, kRotated, 1e4});
    device_.attention(mixed_.row_range(0, full.rows()), q_heads, full, 0, heads_);
  }

  std::vector<float> read(const Tensor& tensor, int rows) {
    std::vector<float> values(static_cast<size_t>(rows) * static_cast<size_t>(tensor.cols));
    device_.read(values.data(), tensor.row_range(0, rows));
    return values;
  }

  CudaDevice device_;
  AttentionShape heads_;
  std::vector<std::unique_ptr<SequenceState>> states_;
  OwnedTensor tokens_, q_, k_, v_, mixed_, u_, columns_, beta_, alpha_, out_, conv_, a_, dt_;
  uint64_t seed_ = 10;
};

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

// Key-value heads: 1, so that splits are blocks of their own, and 6, so that blocks walk over them.
class Replay : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Heads, Replay, testing::Values(1, 6));

TEST_P(Replay, HasTheBitsOfTheEagerStep) {
  Layers with(true, 2, GetParam()), without(false, 2, GetParam());
  // Sequences at different places: the first one's rounds cross position 128, where a second split begins, and 256.
  for (int i = 0; i < 7; ++i) {
    const std::vector<Round> chunk = {{16, 16}, {5, 5}};
    ASSERT_TRUE(same_bits(with.step(chunk, Phase::Prompt), without.step(chunk, Phase::Prompt)));
  }
  EXPECT_EQ(with.counts().captured + with.counts().eager, 0u);
  for (int i = 0; i < 80; ++i) {
    const std::vector<Round> rounds = {{4, (i * 7 + 1) % 5 == 0 ? 0 : 1 + i % 4}, {3, i * 5 % 4}};
    ASSERT_TRUE(same_bits(with.step(rounds, Phase::Generate), without.step(rounds, Phase::Generate))) << "round " << i;
  }
  // A graph for each room that the splits had: 1, 2 and 4. Both sides of the records and all replays are one form.
  EXPECT_EQ(with.counts().captured, 3u);
  EXPECT_EQ(with.counts().eager, 3u);
  EXPECT_EQ(with.counts().replayed, 74u);
  EXPECT_EQ(without.counts().captured, 0u);
}

// A benchmark measures memory and tensor cores between its steps.
TEST(DeviceLimits, AreMeasuredWithoutDroppingGraphs) {
  CudaDevice device(1, true);
  const OwnedTensor x = device.allocate(DType::F32, 1, 32);
  for (int i = 0; i < 3; ++i) {
    device.run(1, {}, [&] { device.swiglu(x, x, x); });
    EXPECT_GT(device.copy_gb_s(), 0);
    EXPECT_GT(device.int8_gop_s(), 0);
  }
  EXPECT_EQ(device.graph_counts().replayed, 1u);
  EXPECT_EQ(device.graph_counts().dropped, 0u);
}

TEST_P(Replay, FindsSeveralSegmentsOfASequence) {
  Layers with(true, 3, GetParam()), without(false, 3, GetParam());
  for (int i = 0, position = 0; position < 290; position += 1 + i++ % 3)
    for (const int before : {1, 3})
      ASSERT_TRUE(same_bits(with.catch_up(position, before), without.catch_up(position, before)))
          << "position " << position << ", " << before << " before";
  EXPECT_GT(with.counts().replayed, 200u);
}

}  // namespace
}  // namespace paceline::cuda
