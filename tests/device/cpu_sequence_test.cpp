// Operations with a memory, beyond what the op suite asks of every device: sequences longer than a split of the positions, caches full of
// NaN where nothing was stored, any number of threads, any chunks, and a step that allocates nothing.
#include <gtest/gtest.h>

#include <limits>

#include "device/allocation_count.h"
#include "device/cpu_support.h"

namespace paceline::cpu_test {
namespace {

constexpr int kHeads = 6, kKvHeads = 2, kHeadDim = 96, kKeyHeads = 2, kValueHeads = 4, kStateDim = 64, kLength = 600;
constexpr int kChannels = (2 * kKeyHeads + kValueHeads) * kStateDim;

StateShape state_shape(DType kv) {
  StateShape shape;
  shape.kv = {{kKvHeads, kHeadDim, kv, kv}};
  shape.recurrent = {{kKeyHeads, kValueHeads, kStateDim, kChannels, 4}};
  shape.max_length = kLength;
  shape.max_generate_rows = 5;
  return shape;
}

// Inputs of position `first` … of one sequence, the same whoever asks.
struct Inputs {
  OwnedTensor q, k, v, columns, taps, beta, alpha, a, dt;

  Inputs(Device& device, int first, int rows) {
    const auto slice = [&](uint64_t seed, int cols) {
      Rows out(static_cast<size_t>(rows), std::vector<float>(static_cast<size_t>(cols)));
      for (size_t r = 0; r < out.size(); ++r)
        for (size_t c = 0; c < out[r].size(); ++c) out[r][c] = random_value(seed, static_cast<uint64_t>(first) + r, c);
      return upload(device, out);
    };
    q = slice(1, kHeads * kHeadDim), k = slice(2, kKvHeads * kHeadDim), v = slice(3, kKvHeads * kHeadDim);
    columns = slice(4, kChannels), beta = slice(5, kValueHeads), alpha = slice(6, kValueHeads);
    taps = upload(device, random_rows(7, kChannels, 4));
    a = upload(device, {{-0.1f, -0.5f, -0.02f, -1.0f}}), dt = upload(device, random_rows(8, 1, kValueHeads));
  }
};

struct Outputs {
  OwnedTensor attention, columns, delta;
  Outputs(Device& device, int rows)
      : attention(device.allocate(DType::F32, rows, kHeads * kHeadDim)),
        columns(device.allocate(DType::F32, rows, kChannels)),
        delta(device.allocate(DType::F32, rows, kValueHeads * kStateDim)) {}
};

void run_step(Device& device, const Batch& batch, const Inputs& in, const Outputs& out) {
  const Tensor q = in.q.as_heads(kHeads, kHeadDim);
  device.rotate(in.k.as_heads(kKvHeads, kHeadDim), batch, {kKvHeads, kHeadDim, 32, 1e6});
  device.store_kv(batch, 0, in.k, in.v);
  device.attention(out.attention, q, batch, 0, {kHeads, kKvHeads, kHeadDim, 0.1f});
  device.conv_silu(out.columns, in.columns, batch, 0, in.taps);
  device.delta_rule(out.delta, {out.columns, in.beta, in.alpha, in.a, in.dt, 1e-6f, false}, batch, 0);
}

// A step of `rows` rows of which `commit` count; their outputs are appended.
void step(Device& device, SequenceState& state, int rows, int commit, Phase phase, Rows& outputs) {
  const Inputs in(device, state.length(), rows);
  const Outputs out(device, rows);
  const OwnedTensor tokens = device.allocate(DType::I32, rows, 1);
  const Segment segment{&state, 0, rows, state.length(), phase};
  state.begin_step(rows, phase);
  run_step(device, {tokens, {&segment, 1}}, in, out);
  state.commit(commit);
  for (const Tensor& tensor : {Tensor(out.attention), Tensor(out.columns), Tensor(out.delta)}) {
    const Rows values = download(device, tensor);
    outputs.insert(outputs.end(), values.begin(), values.begin() + commit);
  }
}

void fill_with_nan(OwnedTensor& slab) {
  const size_t values = static_cast<size_t>(slab.rows) * static_cast<size_t>(slab.cols);
  std::memset(slab.data, 0xff,
              slab.dtype == DType::F32   ? values * 4
              : slab.dtype == DType::F16 ? values * 2
                                         : values / 32 * 34);
}

// The rows of each kind one after the other: attention, columns, delta of all positions.
Rows run_sequence(Device& device, DType kv, int chunk, bool poison) {
  SequenceState state(device, state_shape(kv));
  if (poison) fill_with_nan(state.kv(0).k), fill_with_nan(state.kv(0).v);
  Rows by_step, out;
  std::vector<std::pair<size_t, int>> steps;  // where its rows begin, how many
  const auto run = [&](int rows, int commit, Phase phase) {
    steps.emplace_back(by_step.size(), commit);
    step(device, state, rows, commit, phase, by_step);
  };
  while (state.length() < 530)
    run(std::min(chunk, 530 - state.length()), std::min(chunk, 530 - state.length()), Phase::Prompt);
  for (int round = 0; state.length() < 560; ++round)
    run(1 + round % 5, std::min(round % 3 + round % 2, 1 + round % 5), Phase::Generate);
  for (int kind = 0; kind < 3; ++kind)
    for (const auto& [first, count] : steps)
      for (int row = 0; row < count; ++row) out.push_back(by_step[first + static_cast<size_t>(kind * count + row)]);
  return out;
}

Rows kind_of(const Rows& rows, int kind) {
  const auto third = static_cast<std::ptrdiff_t>(rows.size() / 3);
  return {rows.begin() + kind * third, rows.begin() + (kind + 1) * third};
}

class CpuSequence : public PerInstructionSet {};

TEST_P(CpuSequence, LongSequencesAgreeWithTheReference) {
  const std::unique_ptr<Device> reference = open_device({.kind = "reference", .threads = 0, .isa = ""});
  for (const DType kv : {DType::F32, DType::F16, DType::Q8_0}) {
    const Rows got = run_sequence(*device_, kv, 265, false), want = run_sequence(*reference, kv, 265, false);
    ASSERT_EQ(got.size(), want.size());
    // Rotation in f32 may move a key across a rounding boundary of the cache: one step of 2^-11 or 1/127 now and then.
    EXPECT_LE(normalised_error(kind_of(got, 0), kind_of(want, 0)), kv == DType::F32 ? 1e-11 : 1e-8);
    EXPECT_LE(normalised_error(kind_of(got, 1), kind_of(want, 1)), 1e-12);
    EXPECT_LE(normalised_error(kind_of(got, 2), kind_of(want, 2)), 1e-11);
  }
}

TEST_P(CpuSequence, BitsDoNotDependOnThreadsOrChunks) {
  for (const DType kv : {DType::F16, DType::Q8_0}) {
    const Rows want = run_sequence(*device_, kv, 530, false);
    for (const int chunk : {7, 64, 300})
      EXPECT_TRUE(same_bits(run_sequence(*device_, kv, chunk, false), want)) << "chunk " << chunk;
    for (const int threads : {1, 3})
      EXPECT_TRUE(same_bits(run_sequence(*open_if_supported(GetParam(), threads), kv, 530, false), want)) << threads;
  }
}

TEST_P(CpuSequence, WhatWasNeverStoredIsNeverRead) {
  for (const DType kv : {DType::F32, DType::F16, DType::Q8_0})
    EXPECT_TRUE(same_bits(run_sequence(*device_, kv, 64, true), run_sequence(*device_, kv, 64, false)));
}

TEST_P(CpuSequence, ExponentialsHoldFromUnderflowToOverflow) {
  // silu(x) * 1 over the whole range, at every place of a vector.
  Rows gate(1), up(1), want(1);
  for (int i = 0; i < 4003; ++i) {
    const double x = (i - 2000) * 0.05;
    gate[0].push_back(static_cast<float>(x));
    up[0].push_back(1.0f);
    want[0].push_back(
        static_cast<float>(static_cast<double>(gate[0].back()) / (1 + std::exp(-static_cast<double>(gate[0].back())))));
  }
  const OwnedTensor in = upload(*device_, gate), ones = upload(*device_, up),
                    out = device_->allocate(DType::F32, 1, in.cols);
  device_->swiglu(out, in, ones);
  const Rows got = download(*device_, out);
  for (size_t i = 0; i < want[0].size(); ++i)
    ASSERT_NEAR(got[0][i], want[0][i], std::fabs(want[0][i]) * 4e-7 + 1e-36) << "silu(" << gate[0][i] << ")";
}

TEST_P(CpuSequence, ArgmaxTakesTheFirstOfTheLargest) {
  for (const int cols : {1, 5, 16, 17, 16384, 40000}) {
    Rows logits = random_rows(9, 3, cols);
    const int early = cols / 3, late = cols - 1;
    logits[0][static_cast<size_t>(early)] = logits[0][static_cast<size_t>(late)] = 50.0f;
    logits[1][static_cast<size_t>(late)] = 50.0f;
    logits[2].assign(static_cast<size_t>(cols), -std::numeric_limits<float>::infinity());
    const OwnedTensor in = upload(*device_, logits), ids = device_->allocate(DType::I32, 3, 1);
    device_->argmax(ids, in);
    int32_t got[3];
    device_->read(got, ids);
    EXPECT_EQ(got[0], early);
    EXPECT_EQ(got[1], late);
    EXPECT_EQ(got[2], 0);
  }
}

TEST_P(CpuSequence, AStepAllocatesNothing) {
  SequenceState state(*device_, state_shape(DType::F16));
  const Inputs in(*device_, 0, 5);
  const Outputs out(*device_, 5);
  const OwnedTensor tokens = device_->allocate(DType::I32, 5, 1), widened = device_->allocate(DType::F32, 5, 48);
  const EncodedMatrix matrix = encoded(QuantType::Q4_0, random_rows(10, 48, kChannels));
  const EncodedMatrix inner = encoded(QuantType::Q4_0, random_rows(11, kChannels * 3, 32)),
                      outer = encoded(QuantType::Q4_0, random_rows(12, 32 * 3, kChannels));
  const WeightPtr weight = device_->load(matrix.matrix, WeightUse::Project);
  const WeightPtr gate = device_->load(outer.matrix, WeightUse::Experts, 3),
                  up = device_->load(outer.matrix, WeightUse::Experts, 3);
  const WeightPtr down = device_->load(inner.matrix, WeightUse::Experts, 3);
  const OwnedTensor ids = device_->allocate(DType::I32, 5, 2), shares = device_->allocate(DType::F32, 5, 2),
                    scores = upload(*device_, random_rows(13, 5, 3));
  const Tensor outs[] = {widened};
  const Weight* weights[] = {weight.get()};
  int64_t before = 0;
  for (int round = 0; round < 3; ++round) {
    before = allocation_count();
    const Segment segment{&state, 0, 5, state.length(), Phase::Generate};
    state.begin_step(5, Phase::Generate);
    run_step(*device_, {tokens, {&segment, 1}}, in, out);
    device_->project(outs, out.columns, weights);
    device_->route(ids, shares, scores, {3, 2});
    device_->project_experts(out.columns, out.columns, ids, shares, {gate.get(), up.get(), down.get()});
    device_->argmax(ids.columns(0, 1), widened);
    state.commit(2);
  }
  EXPECT_EQ(allocation_count() - before, 0) << "in the third of three equal steps";
}

std::string set_name(const testing::TestParamInfo<const char*>& info) { return info.param; }

INSTANTIATE_TEST_SUITE_P(Sets, CpuSequence, testing::ValuesIn(kInstructionSets), set_name);

}  // namespace
}  // namespace paceline::cpu_test
