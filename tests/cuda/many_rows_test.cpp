// The kernel for many rows gives the bits of the one for few, whatever the rows, outputs, columns and experts.
#include <gtest/gtest.h>

#include "cuda/product_rows.h"
#include "cuda_emulator/execution.h"
#include "device/cuda/matmul.h"
#include "device/cuda/multiply.h"

namespace paceline::cuda {
namespace {

constexpr int kSmallGpu = 1, kLargeGpu = 1 << 20;  // multiprocessors; the large one has blocks for few rows only

class ManyRows : public testing::TestWithParam<QuantType> {
 protected:
  // Three weights of the type beside each other; every second one's products are added to what is there.
  std::vector<Rows> products(int rows, int cols, int multiprocessors) {
    context_.multiprocessor_count = multiprocessors;
    DeviceRows in(context_, rows, cols);
    in.write(random_rows(6, rows, cols));
    std::vector<WeightPtr> loaded;
    std::vector<DeviceRows> outs;
    std::vector<Tensor> tensors;
    std::vector<const Weight*> weights;
    for (const int outputs : {150, 5, 37}) {
      loaded.push_back(loader_.load(random_matrix(GetParam(), outputs, cols).matrix, WeightUse::Project, 1));
      outs.emplace_back(context_, rows, outputs);
      tensors.push_back(outs.back().tensor());
      weights.push_back(loaded.back().get());
    }
    project(context_, tensors, in.tensor(), weights);
    project_add(context_, tensors[1], in.tensor(), static_cast<const CudaWeight&>(*loaded[1]));
    std::vector<Rows> results;
    for (const DeviceRows& out : outs) results.push_back(out.read());
    return results;
  }

  // 80 rows that each go to one expert with most others and to one of their own: runs of 8 and 2 tiles, and unfinished ones.
  Rows experts(int multiprocessors) {
    constexpr int kRows = 80, kUsed = 2, kExperts = 5, kWidth = 256, kInner = 512;
    context_.multiprocessor_count = multiprocessors;
    std::vector<int32_t> chosen;
    for (int row = 0; row < kRows; ++row) chosen.insert(chosen.end(), {row == 3 ? 4 : 1, row % 7 == 0 ? 0 : 2});
    const auto load = [&](int rows, int cols) {
      return loader_.load(random_matrix(GetParam(), kExperts * rows, cols).matrix, WeightUse::Experts, kExperts);
    };
    const WeightPtr gate = load(kInner, kWidth), up = load(kInner, kWidth), down = load(kWidth, kInner);
    return with_experts(context_, random_rows(7, kRows, kWidth), random_rows(6, kRows, kWidth), chosen,
                        random_rows(8, kRows, kUsed), {gate.get(), up.get(), down.get()});
  }

  CudaContext context_;
  WeightLoader loader_{context_, 2};
};

// Columns: nine groups, so that the last of the eight shares has two; three, so that some have none. Rows: an odd number of tiles, whole
// runs, a run and an unfinished tile.
TEST_P(ManyRows, HaveTheBitsOfFew) {
  for (const auto& [rows, cols] : {std::pair(17, 2304), {64, 768}, {75, 768}}) {
    const auto many = products(rows, cols, kSmallGpu), few = products(rows, cols, kLargeGpu);
    for (size_t i = 0; i < many.size(); ++i)
      for (size_t r = 0; r < many[i].size(); ++r)
        ASSERT_EQ(many[i][r], few[i][r]) << rows << " rows, " << cols << " columns: weight " << i << ", row " << r;
  }
}

TEST_P(ManyRows, OfExpertsHaveTheBitsOfSingleTiles) {
  const Rows many = experts(kSmallGpu), few = experts(kLargeGpu);
  for (size_t r = 0; r < many.size(); ++r) ASSERT_EQ(many[r], few[r]) << "row " << r;
}

// F32 has one kernel only.
std::vector<QuantType> types_with_both() {
  std::vector<QuantType> types;
  for (const QuantType type : kAllQuantTypes)
    if (type != QuantType::F32) types.push_back(type);
  return types;
}

INSTANTIATE_TEST_SUITE_P(Formats, ManyRows, testing::ValuesIn(types_with_both()), name_of);

using ManyRowsInOrders = InOrders<ManyRows>;

TEST_P(ManyRowsInOrders, HaveTheSameBits) {
  const auto forward = products(43, 768, kSmallGpu);
  for (const auto order : {cuda_emulator::Order::Reverse, cuda_emulator::Order::Shuffled}) {
    cuda_emulator::set_order(order);
    EXPECT_EQ(products(43, 768, kSmallGpu), forward);
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, ManyRowsInOrders, testing::Values(QuantType::Q4_K, QuantType::Q6_K, QuantType::BF16),
                         name_of);

// The tests above compare two kernels only if this holds.
TEST(ManyRowsKernel, IsForRowsThatFillTheGpu) {
  CudaContext context;
  MultiplyTask task{};
  task.tiles = 17, task.all_panels = 20;  // 3 runs, 3 times 8 panels
  const auto runs = [&](int multiprocessors) {
    context.multiprocessor_count = multiprocessors;
    return many_rows_runs(context, task);
  };
  EXPECT_EQ(runs(kSmallGpu), 3);
  EXPECT_EQ(runs(18), 3);
  EXPECT_EQ(runs(19), 0);
  EXPECT_EQ(runs(kLargeGpu), 0);
  task.tiles = 2;
  EXPECT_EQ(runs(kSmallGpu), 0);
  const int tile_experts[17] = {};
  task.tiles = 17, task.tile_experts = tile_experts;
  EXPECT_EQ(runs(kSmallGpu), 0) << "tiles of experts, in no runs";
  const TileRun some[5] = {};
  task.runs = some, task.run_count = 5;
  EXPECT_EQ(runs(kSmallGpu), 5);
}

}  // namespace
}  // namespace paceline::cuda
