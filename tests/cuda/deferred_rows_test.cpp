// Rows that are made and made ready for a product by one kernel, inside a step: the product must have the bits that it has when another kernel
// makes them ready, which is what happens outside.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "cuda/product_rows.h"
#include "device/cuda/attention.h"
#include "device/cuda/choose.h"
#include "device/cuda/cuda_device.h"
#include "device/cuda/experts.h"
#include "device/cuda/matmul.h"
#include "device/cuda/rows.h"

namespace paceline::cuda {
namespace {

constexpr int kOutputs = 40;

OwnedTensor random_tensor(Device& device, int rows, int cols, uint64_t seed) {
  OwnedTensor tensor = device.allocate(DType::F32, rows, cols);
  std::vector<float> values;
  for (const auto& row : random_rows(seed, rows, cols)) values.insert(values.end(), row.begin(), row.end());
  device.write(tensor, values.data());
  return tensor;
}

class DeferredRowsTest : public testing::Test {
 protected:
  // Makes rows in the tensor it is given, which holds random values.
  using Make = std::function<void(const Tensor&)>;

  struct Made {
    Rows rows, products, floats;
  };

  // Rows by `make` and then their products with quantized weights of several kinds, with a float weight among them.
  Made products_of(int rows, int cols, const Make& make, bool in_step) {
    Made out;
    for (const QuantType type : {QuantType::Q8_0, QuantType::Q4_K, QuantType::Q6_K, QuantType::Q2_K}) {
      DeviceRows x(context_, rows, cols), product(context_, rows, kOutputs), floats(context_, rows, kOutputs);
      x.write(random_rows(11, rows, cols));
      const WeightPtr weight = loader_.load(random_matrix(type, kOutputs, cols).matrix, WeightUse::Project, 1),
                      plain = loader_.load(random_matrix(QuantType::F32, kOutputs, cols).matrix, WeightUse::Project, 1);
      if (in_step) context_.step.begin({});
      make(x.tensor());
      EXPECT_EQ(context_.deferred.can_encode(x.tensor()), in_step);
      const Tensor outs[] = {floats.tensor(), product.tensor()};
      const Weight* weights[] = {plain.get(), weight.get()};
      project(context_, outs, x.tensor(), weights);
      EXPECT_FALSE(context_.deferred.can_encode(x.tensor()));
      context_.step.end();
      out.rows = x.read();
      const Rows values = product.read();
      out.products.insert(out.products.end(), values.begin(), values.end());
      out.floats = floats.read();
    }
    return out;
  }

  void expect_same(int rows, int cols, const Make& make) {
    const Made want = products_of(rows, cols, make, false), got = products_of(rows, cols, make, true);
    EXPECT_EQ(got.rows, want.rows) << rows << " rows of " << cols;
    EXPECT_EQ(got.products, want.products) << rows << " rows of " << cols;
    EXPECT_EQ(got.floats, want.floats) << rows << " rows of " << cols;
  }

  DeviceRows random(int rows, int cols, uint64_t seed) {
    DeviceRows out(context_, rows, cols);
    out.write(random_rows(seed, rows, cols));
    return out;
  }

  CudaContext context_;
  WeightLoader loader_{context_, 2};
};

// Rows of one warp, of a block, and longer than a block holds; one tile and several, the last one not full.
TEST_F(DeferredRowsTest, Norms) {
  for (const int cols : {256, 1280, 6400}) {
    const DeviceRows weight = random(1, cols, 3);
    for (const int rows : {1, 3, 8, 21})
      expect_same(rows, cols, [&](const Tensor& x) { rms_norm(context_, x, x, weight.tensor(), 1e-6f); });
  }
}

// A row of the product is several rows of the norm.
TEST_F(DeferredRowsTest, GatedNormsOfHeads) {
  for (const auto& [count, dim] : {std::pair{6, 128}, {4, 64}, {8, 96}, {8, 32}, {1, 512}}) {
    const DeviceRows weight = random(1, dim, 3);
    for (const int rows : {1, 4, 11}) {
      const DeviceRows z = random(rows * count, dim, 4);
      expect_same(rows, count * dim, [&](const Tensor& x) {
        const Tensor heads = x.as_heads(count, dim);
        gated_rms_norm(context_, heads, heads, weight.tensor(), z.tensor(), 1e-6f);
      });
    }
  }
}

TEST_F(DeferredRowsTest, Gates) {
  constexpr int kCols = 768;
  for (const int rows : {1, 7, 18}) {
    const DeviceRows up = random(rows, kCols, 5), gate = random(rows, 2 * kCols, 6);
    expect_same(rows, kCols, [&](const Tensor& x) { swiglu(context_, x, x, up.tensor()); });
    // As attention's: heads, each with its gate behind its query.
    for (const int dim : {256, 64, 32})
      expect_same(rows, kCols, [&](const Tensor& x) {
        const int heads = kCols / dim;
        sigmoid_gate(context_, x.as_heads(heads, dim), gate.tensor().columns(dim, dim).as_heads(heads, dim, 2 * dim));
      });
  }
}

// Blocks of zeros, and very large and very small values.
TEST_F(DeferredRowsTest, OfAnyValues) {
  constexpr int kRows = 3, kCols = 512;
  DeviceRows up = random(kRows, kCols, 5);
  Rows values(kRows, std::vector<float>(kCols, 1.0f));
  std::fill_n(values[1].begin() + 32, 64, 0.0f);
  values[0][100] = 1e30f, values[2][5] = 1e-37f;
  up.write(values);
  expect_same(kRows, kCols, [&](const Tensor& x) { swiglu(context_, x, x, up.tensor()); });
}

// Norms of heads that are turned: in a step one kernel, else two. Heads with a gap behind each, as those of gated attention have.
std::vector<float> turned_heads(int head_dim, int dims, bool in_step) {
  constexpr int kHeads = 3, kRows = 5, kFirst[] = {0, 70'000};
  CudaDevice device(1);
  StateShape shape;
  shape.kv = {{1, head_dim, DType::F16, DType::F16}};
  shape.max_length = 100'000;
  SequenceState one(device, shape), other(device, shape);
  const Segment segments[] = {{&one, 0, 2, kFirst[0], Phase::Generate}, {&other, 2, 3, kFirst[1], Phase::Generate}};
  const OwnedTensor tokens = device.allocate(DType::I32, kRows, 1),
                    x = device.allocate(DType::F32, kRows, kHeads * 2 * head_dim),
                    weight = device.allocate(DType::F32, 1, head_dim);
  std::vector<float> values;
  for (const auto& row : random_rows(3, kRows, x.cols)) values.insert(values.end(), row.begin(), row.end());
  device.write(x, values.data());
  device.write(weight, random_rows(4, 1, head_dim)[0].data());
  const Batch batch{tokens, segments};
  const Tensor heads = x.as_heads(kHeads, head_dim, 2 * head_dim);
  const auto step = [&] {
    device.rms_norm(heads, heads, weight, 1e-6f);
    device.rotate(heads, batch, {kHeads, head_dim, dims, 1e6});
  };
  if (in_step) device.run(0, segments, step);
  else step();
  device.read(values.data(), x);
  return values;
}

TEST(DeferredNorm, OfHeadsThatAreTurned) {
  for (const auto& [head_dim, dims] : {std::pair{256, 64}, {128, 128}, {96, 32}, {256, 256}, {72, 6}})
    EXPECT_EQ(turned_heads(head_dim, dims, true), turned_heads(head_dim, dims, false)) << head_dim << ", " << dims;
}

// Keys that are normed, turned and stored, and values beside them: in a step one kernel, else three. The rows of K and what both caches hold.
std::vector<float> stored_heads(int head_dim, DType type, bool in_step, bool of_other_rows) {
  constexpr int kHeads = 3, kRows = 7, kFirst[] = {0, 61};
  CudaDevice device(1);
  StateShape shape;
  shape.kv = {{kHeads, head_dim, type, type}};
  shape.max_length = 100;
  SequenceState one(device, shape), other(device, shape);
  const OwnedTensor tokens = device.allocate(DType::I32, kRows, 1),
                    k = random_tensor(device, kRows, kHeads * head_dim, 1),
                    v = random_tensor(device, kRows, kHeads * head_dim, 2),
                    weight = random_tensor(device, 1, head_dim, 3);
  const Segment segments[] = {{&one, 0, 3, kFirst[0], Phase::Generate}, {&other, 3, 4, kFirst[1], Phase::Generate}};
  const Segment swapped[] = {{&other, 0, 3, kFirst[1], Phase::Generate}, {&one, 3, 4, kFirst[0], Phase::Generate}};
  const auto step = [&] {
    const Tensor heads = k.as_heads(kHeads, head_dim);
    device.rms_norm(heads, heads, weight, 1e-6f);
    device.rotate(heads, {tokens, segments}, {kHeads, head_dim, head_dim / 2, 1e6});
    device.store_kv({tokens, of_other_rows ? swapped : segments}, 0, k, v);
  };
  if (in_step) device.run(0, segments, step);
  else step();
  std::vector<float> all(static_cast<size_t>(kRows * kHeads * head_dim));
  device.read(all.data(), k);
  for (SequenceState* state : {&one, &other})
    for (const Tensor& slab : {Tensor(state->kv(0).k), Tensor(state->kv(0).v)}) {
      std::vector<std::byte> saved(device.saved_kv_bytes(slab, shape.kv[0], 0, 96));
      device.save_kv(saved.data(), slab, shape.kv[0], 0, 96);
      for (const std::byte byte : saved) all.push_back(static_cast<float>(byte));
    }
  return all;
}

TEST(DeferredNorm, OfKeysThatAreStored) {
  for (const auto& [head_dim, type] :
       {std::pair{256, DType::F16}, {128, DType::Q8_0}, {96, DType::Q8_0}, {72, DType::F32}, {64, DType::F16}})
    for (const bool of_other_rows : {false, true})
      EXPECT_EQ(stored_heads(head_dim, type, true, of_other_rows), stored_heads(head_dim, type, false, of_other_rows))
          << head_dim << (of_other_rows ? ", other rows" : "");
}

// A prompt, then answers of which some rows are replayed, of two sequences: convolution and delta rule, in a step one kernel less.
std::vector<float> recurrent_rows(const RecurrentShape& shape, bool in_step) {
  constexpr int kMostRows = 40;
  CudaDevice device(1);
  StateShape states;
  states.recurrent = {shape};
  states.max_length = 100;
  states.max_generate_rows = 4;
  SequenceState one(device, states), other(device, states);
  const auto random = [&](int count, int cols, uint64_t seed) { return random_tensor(device, count, cols, seed); };
  const int heads = shape.value_head_count;
  const OwnedTensor tokens = device.allocate(DType::I32, kMostRows, 1), u = random(kMostRows, shape.conv_channels, 1),
                    columns = random(kMostRows, shape.conv_channels, 2), beta = random(kMostRows, heads, 3),
                    alpha = random(kMostRows, heads, 4), out = random(kMostRows, heads * shape.head_dim, 5),
                    taps = random(shape.conv_channels, shape.conv_kernel, 6), a = random(1, heads, 7),
                    dt = random(1, heads, 8);
  std::vector<float> all;
  const auto round = [&](int rows_of_one, int rows_of_other, Phase phase, int commit) {
    const int rows = rows_of_one + rows_of_other;
    const Segment segments[] = {{&one, 0, rows_of_one, one.length(), phase},
                                {&other, rows_of_one, rows_of_other, other.length(), phase}};
    const Batch batch{tokens.row_range(0, rows), segments};
    begin_steps(batch);
    const auto step = [&] {
      device.conv_silu(columns.row_range(0, rows), u.row_range(0, rows), batch, 0, taps);
      device.delta_rule(out.row_range(0, rows),
                        {columns.row_range(0, rows), beta.row_range(0, rows), alpha.row_range(0, rows), a, dt, 1e-6f},
                        batch, 0);
    };
    if (in_step) device.run(0, segments, step);
    else step();
    one.commit(phase == Phase::Prompt ? rows_of_one : commit);
    other.commit(phase == Phase::Prompt ? rows_of_other : commit);
    std::vector<float> values(static_cast<size_t>(rows * out.cols));
    device.read(values.data(), out.row_range(0, rows));
    all.insert(all.end(), values.begin(), values.end());
  };
  round(19, 9, Phase::Prompt, 0);
  round(3, 4, Phase::Generate, 2);
  round(1, 3, Phase::Generate, 1);
  round(2, 2, Phase::Generate, 2);
  return all;
}

TEST(DeferredConvolution, MakesRowsReadyForTheDeltaRule) {
  // Heads that fill a block, half of one, a quarter; heads that the kernel beside the convolution has to do.
  for (const RecurrentShape& shape : {RecurrentShape{1, 2, 128, 512, 4},
                                      {2, 4, 64, 512, 4},
                                      {1, 3, 64, 320, 4},
                                      {2, 4, 32, 256, 3},
                                      {1, 2, 48, 192, 4}})
    EXPECT_EQ(recurrent_rows(shape, true), recurrent_rows(shape, false)) << shape.head_dim;
}

// Routing and grouping in one kernel where rows are few, and the experts' gates with codes.
Rows mixed_rows(int rows, bool in_step) {
  constexpr int kExperts = 12, kUsed = 3, kWidth = 128, kInner = 256;
  CudaContext context;
  WeightLoader loader(context, 2);
  const auto load = [&](int outputs, int cols) {
    return loader.load(random_matrix(QuantType::Q4_K, kExperts * outputs, cols).matrix, WeightUse::Experts, kExperts);
  };
  const auto random = [&](int cols, uint64_t seed) {
    DeviceRows out(context, rows, cols);
    out.write(random_rows(seed, rows, cols));
    return out;
  };
  const WeightPtr gate = load(kInner, kInner), up = load(kInner, kInner), down = load(kWidth, kInner);
  const DeviceRows logits = random(kExperts, 1), x = random(kInner, 2), out = random(kWidth, 3),
                   shares = random(kUsed, 4), numbers = random(kUsed, 5);
  const Tensor ids{numbers.tensor().data, DType::I32, rows, kUsed, kUsed};
  if (in_step) context.step.begin({});
  route(context, ids, shares.tensor(), logits.tensor(), {kExperts, kUsed});
  EXPECT_EQ(context.deferred.can_group(ids), in_step);
  project_experts(context, out.tensor(), x.tensor(), ids, shares.tensor(), {gate.get(), up.get(), down.get()});
  context.step.end();
  Rows all = out.read();
  for (const auto& row : shares.read()) all.push_back(row);
  return all;
}

TEST(DeferredRouting, GroupsFewRows) {
  for (const int rows : {1, 5, 16, 17, 70}) EXPECT_EQ(mixed_rows(rows, true), mixed_rows(rows, false)) << rows;
}

struct MergedAttention {
  int heads, kv_heads, head_dim, sequences;
  DType kv;
};

// Rows of attention over many positions, its gate and the product that takes it: in a step one kernel merges, gates and makes codes, else three do.
std::vector<float> attended_rows(const MergedAttention& task, bool gated, bool in_step) {
  constexpr int kSequenceRows = 2, kMost = kSplitPositions * 19 + 5;
  const auto& [heads, kv_heads, head_dim, sequences, kv] = task;
  const int rows = kSequenceRows * sequences, width = heads * head_dim;
  CudaDevice device(1);
  StateShape shape;
  shape.kv = {{kv_heads, head_dim, kv, kv}};
  shape.max_length = kMost;
  const auto random = [&](int count, int cols, uint64_t seed) { return random_tensor(device, count, cols, seed); };
  const OwnedTensor tokens = device.allocate(DType::I32, kMost, 1), k = random(kMost, kv_heads * head_dim, 1),
                    v = random(kMost, kv_heads * head_dim, 2), q = random(rows, 2 * width, 3),
                    mixed = random(rows, width, 4), out = random(rows, kOutputs, 5);
  const WeightPtr weight = device.load(random_matrix(QuantType::Q8_0, kOutputs, width).matrix, WeightUse::Project, 1);
  std::vector<std::unique_ptr<SequenceState>> states;
  std::vector<Segment> segments;
  for (int i = 0; i < sequences; ++i) {
    const int length = i == 0 ? kMost : 2 + 97 * i % 300;  // the first has more splits than are asked for at once
    states.push_back(std::make_unique<SequenceState>(device, shape));
    const Segment all{states.back().get(), 0, length, 0, Phase::Prompt};
    device.store_kv({tokens.row_range(0, length), {&all, 1}}, 0, k.row_range(0, length), v.row_range(0, length));
    segments.push_back(
        {states.back().get(), kSequenceRows * i, kSequenceRows, length - kSequenceRows, Phase::Generate});
  }
  const auto step = [&] {
    const int pitch = 2 * head_dim;
    device.attention(mixed, q.as_heads(heads, head_dim, pitch), {tokens.row_range(0, rows), segments}, 0,
                     {heads, kv_heads, head_dim, 0.1f});
    if (gated)
      device.sigmoid_gate(mixed.as_heads(heads, head_dim),
                          q.columns(head_dim, head_dim).as_heads(heads, head_dim, pitch));
    device.project_add(out, mixed, *weight);
  };
  if (in_step) device.run(0, segments, step);
  else step();
  std::vector<float> values(static_cast<size_t>(rows * width)), products(static_cast<size_t>(rows * kOutputs));
  device.read(values.data(), mixed);
  device.read(products.data(), out);
  values.insert(values.end(), products.begin(), products.end());
  return values;
}

// Heads that fill the merging block, half of it, less than a warp, and such as codes cannot be made of; more sequences than a launch takes.
TEST(DeferredAttention, IsMergedGatedAndMadeReady) {
  for (const MergedAttention& task : {MergedAttention{4, 2, 256, 2, DType::F16},
                                      {6, 2, 128, 1, DType::Q8_0},
                                      {4, 1, 64, 3, DType::F16},
                                      {8, 1, 72, 2, DType::F32},
                                      {2, 1, 64, 33, DType::F16}})
    for (const bool gated : {false, true})
      EXPECT_EQ(attended_rows(task, gated, true), attended_rows(task, gated, false))
          << task.head_dim << ", " << task.sequences << (gated ? " gated" : "");
}

// Attention behind attention: the second one wants more of the scratch memory that the first one's merging waits with.
TEST(DeferredAttention, IsMergedBeforeTheNextOne) {
  constexpr int kHeads = 2, kDim = 64, kLength = 700, kRows = 4;
  const auto rows = [&](bool in_step) {
    CudaDevice device(1);
    StateShape shape;
    shape.kv = {{1, kDim, DType::F16, DType::F16}};
    shape.max_length = kLength;
    SequenceState state(device, shape);
    const auto random = [&](int count, int cols, uint64_t seed) { return random_tensor(device, count, cols, seed); };
    const OwnedTensor tokens = device.allocate(DType::I32, kLength, 1), k = random(kLength, kDim, 1),
                      v = random(kLength, kDim, 2), q = random(kRows, kHeads * kDim, 3),
                      out = random(kRows + 1, kHeads * kDim, 4);
    const Segment all{&state, 0, kLength, 0, Phase::Prompt}, few{&state, 0, 1, kLength - kRows, Phase::Generate},
        more{&state, 0, kRows, kLength - kRows, Phase::Generate};
    device.store_kv({tokens, {&all, 1}}, 0, k, v);
    const auto attend = [&](const Tensor& to, const Segment& segment) {
      device.attention(to, q.row_range(0, to.rows).as_heads(kHeads, kDim),
                       {tokens.row_range(0, to.rows), {&segment, 1}}, 0, {kHeads, 1, kDim, 0.1f});
    };
    const auto step = [&] { attend(out.row_range(kRows, 1), few), attend(out.row_range(0, kRows), more); };
    if (in_step) device.run(0, {&more, 1}, step);
    else step();
    std::vector<float> values(static_cast<size_t>(out.rows * out.cols));
    device.read(values.data(), out);
    return values;
  };
  EXPECT_EQ(rows(true), rows(false));
}

// Few sequences have a block for each split, merged after it; of many a block walks over the splits. More splits than are asked for at once.
TEST(Attention, IsMergedAsAWalkFolds) {
  const std::vector<float> merged = attended_rows({4, 1, 64, 1, DType::F16}, true, false),
                           walked = attended_rows({4, 1, 64, 9, DType::F16}, true, false);
  constexpr int kOfFirst = 2 * 4 * 64;
  EXPECT_TRUE(std::equal(merged.begin(), merged.begin() + kOfFirst, walked.begin()));
}

// As exact as angles in double, however far the position.
TEST(Rotation, OfFarPositions) {
  constexpr int kDim = 64, kPosition = 900'001;
  constexpr double kBase = 1e7;
  CudaDevice device(1);
  StateShape shape;
  shape.kv = {{1, kDim, DType::F16, DType::F16}};
  shape.max_length = 1'000'000;
  SequenceState state(device, shape);
  const Segment segments[] = {{&state, 0, 1, kPosition, Phase::Generate}};
  const OwnedTensor tokens = device.allocate(DType::I32, 1, 1), x = device.allocate(DType::F32, 1, kDim);
  const std::vector<float> values = random_rows(3, 1, kDim)[0];
  device.write(x, values.data());
  device.rotate(x, {tokens, segments}, {1, kDim, kDim, kBase});
  std::vector<float> got(kDim);
  device.read(got.data(), x);
  for (size_t s = 0; s < kDim / 2; ++s) {
    const double angle = kPosition * std::pow(kBase, -2.0 * static_cast<double>(s) / kDim);
    const double a = static_cast<double>(values[s]), b = static_cast<double>(values[s + kDim / 2]);
    EXPECT_NEAR(got[s], a * std::cos(angle) - b * std::sin(angle), 3e-7) << s;
    EXPECT_NEAR(got[s + kDim / 2], a * std::sin(angle) + b * std::cos(angle), 3e-7) << s;
  }
}

// What is not the product's input, or cannot be written as codes, is launched as it is; nothing is lost and nothing is late.
TEST_F(DeferredRowsTest, OthersAreLaunchedAsTheyAre) {
  constexpr int kRows = 4, kCols = 256;
  const DeviceRows weight = random(1, kCols, 3), x = random(kRows, kCols, 7), other = random(kRows, kCols, 8),
                   out = random(kRows, kCols, 9), narrow = random(kRows, 144, 10), few = random(2, kOutputs, 12);
  rms_norm(context_, out.tensor(), x.tensor(), weight.tensor(), 1e-6f);
  const Rows want = out.read();
  rms_norm(context_, out.tensor(), other.tensor(), weight.tensor(), 1e-6f);
  const Rows want_other = out.read();
  const RandomMatrix matrix = random_matrix(QuantType::Q8_0, kOutputs, kCols);
  const WeightPtr loaded = loader_.load(matrix.matrix, WeightUse::Project, 1);

  context_.step.begin({});
  rms_norm(context_, narrow.tensor(), narrow.tensor(), weight.tensor().columns(0, 144), 1e-6f);
  EXPECT_FALSE(context_.deferred.can_encode(narrow.tensor())) << "rows that are not whole blocks";
  rms_norm(context_, out.tensor(), x.tensor(), weight.tensor(), 1e-6f);
  EXPECT_TRUE(context_.deferred.can_encode(out.tensor()));
  EXPECT_FALSE(context_.deferred.can_encode(out.tensor().row_range(0, 2))) << "a part of the rows";
  EXPECT_FALSE(context_.deferred.can_encode(x.tensor()));
  EXPECT_EQ(out.read(), want) << "read while it waits";
  rms_norm(context_, out.tensor(), other.tensor(), weight.tensor(), 1e-6f);
  const Tensor outs[] = {few.tensor()};
  const Weight* weights[] = {loaded.get()};
  project(context_, outs, out.tensor().row_range(1, 2), weights);
  const Rows of_part = few.read();
  EXPECT_EQ(out.read(), want_other);
  rms_norm(context_, out.tensor(), x.tensor(), weight.tensor(), 1e-6f);
  context_.deferred.drop();
  context_.step.end();
  EXPECT_EQ(out.read(), want_other) << "dropped with its step";
  project(context_, outs, out.tensor().row_range(1, 2), weights);
  EXPECT_EQ(few.read(), of_part);
}

}  // namespace
}  // namespace paceline::cuda
