// Memory of packed weights: apart, zeroed also where an earlier weight lay, and used again.
#include "device/cpu/weight_memory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <vector>

namespace paceline::cpu {
namespace {

constexpr size_t kBytes = 300'000;

std::byte* bytes_of(const std::unique_ptr<Allocation>& allocation) {
  return static_cast<std::byte*>(allocation->data());
}

bool all_are(const std::byte* bytes, size_t count, int value) {
  return std::all_of(bytes, bytes + count, [&](std::byte byte) { return byte == static_cast<std::byte>(value); });
}

TEST(WeightMemory, NeighboursDoNotOverlapAndFreedBytesAreZeroAgain) {
  std::vector<std::unique_ptr<Allocation>> weights;
  for (int i = 0; i < 8; ++i) {
    weights.push_back(allocate_weight_bytes(kBytes + static_cast<size_t>(i)));
    EXPECT_EQ(reinterpret_cast<uintptr_t>(weights.back()->data()) % 64, 0u);
    EXPECT_TRUE(all_are(bytes_of(weights.back()), kBytes, 0));
    std::memset(weights.back()->data(), i + 1, kBytes);
  }
  const std::byte* const freed = bytes_of(weights[3]);
  for (const size_t i : {size_t{2}, size_t{4}, size_t{3}}) weights[i].reset();  // the last joins three ranges
  for (const size_t i : {size_t{0}, size_t{1}, size_t{5}, size_t{6}, size_t{7}})
    EXPECT_TRUE(all_are(bytes_of(weights[i]), kBytes, static_cast<int>(i) + 1));
  const auto wide = allocate_weight_bytes(3 * kBytes);  // fits the gap of three
  EXPECT_LT(bytes_of(wide), freed);
  EXPECT_GT(bytes_of(wide) + 3 * kBytes, freed);
  EXPECT_TRUE(all_are(bytes_of(wide), 3 * kBytes, 0));
}

TEST(WeightMemory, AWeightLargerThanAChunk) {
  const size_t bytes = size_t{70} << 20;
  const auto weight = allocate_weight_bytes(bytes);
  bytes_of(weight)[0] = bytes_of(weight)[bytes - 1] = std::byte{1};
  EXPECT_EQ(bytes_of(weight)[bytes / 2], std::byte{0});
}

}  // namespace
}  // namespace paceline::cpu
