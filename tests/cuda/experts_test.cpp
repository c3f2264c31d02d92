// Rows are grouped by expert without a trace of what else is in the batch, whatever the order of threads.
#include "device/cuda/experts.h"

#include <gtest/gtest.h>

#include "cuda/product_rows.h"
#include "cuda_emulator/execution.h"

namespace paceline::cuda {
namespace {

// More experts than the grouping kernel has threads, more pairs than its warps have lanes, and not a multiple of either.
constexpr int kRows = 75, kUsed = 8, kExperts = 300, kWidth = 32;

class Experts : public InOrders<testing::Test> {
 protected:
  // Nearly all rows go to expert 7, in different ranks.
  static int32_t expert_of(int row, int rank) {
    if (rank == row % kUsed) return row % 11 == 0 ? kExperts - 1 : 7;
    return 8 + (row * 53 + rank * 37) % (kExperts - 9);
  }

  Rows project(int first, int count) {
    const auto some = [&](uint64_t seed, int cols) {
      const Rows all = random_rows(seed, kRows, cols);
      return Rows(all.begin() + first, all.begin() + first + count);
    };
    std::vector<int32_t> chosen;
    for (int row = first; row < first + count; ++row)
      for (int rank = 0; rank < kUsed; ++rank) chosen.push_back(expert_of(row, rank));
    return with_experts(context_, some(7, kWidth), some(6, kWidth), chosen, some(8, kUsed),
                        {gate_.get(), up_.get(), down_.get()});
  }

  WeightPtr load() {
    return loader_.load(random_matrix(QuantType::Q8_0, kExperts * kWidth, kWidth).matrix, WeightUse::Experts, kExperts);
  }

  CudaContext context_;
  WeightLoader loader_{context_, 2};
  WeightPtr gate_ = load(), up_ = load(), down_ = load();
};

TEST_F(Experts, OfABatchAreThoseOfItsRows) {
  const Rows all = project(0, kRows);
  for (int row = 0; row < kRows; ++row) ASSERT_EQ(all[static_cast<size_t>(row)], project(row, 1)[0]) << "row " << row;
}

TEST_F(Experts, AreTheSameInEveryOrderOfThreads) {
  const Rows forward = project(0, kRows);
  for (const auto order : {cuda_emulator::Order::Reverse, cuda_emulator::Order::Shuffled}) {
    cuda_emulator::set_order(order);
    EXPECT_EQ(project(0, kRows), forward);
  }
}

}  // namespace
}  // namespace paceline::cuda
