// Slabs of thousands of positions: heads start at large pages, full ones are merged, and no value is lost on the way.
#include "device/cpu/kv_pages.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "device/cpu/kv_layout.h"
#include "device/device.h"
#include "device/host_memory.h"

namespace paceline::cpu {
namespace {

TEST(KvPages, HeadsStartAtLargePagesWhereThatCostsOnlyAddresses) {
  EXPECT_EQ(head_pitch(kLargePage - 512, 512), kLargePage - 512) << "short slabs lie close";
  EXPECT_EQ(head_pitch(kLargePage + 512, 512), 2 * kLargePage);
  EXPECT_EQ(head_pitch(kLargePage + 272, 272), kLargePage + 272) << "rows of q8_0 do not end where pages do";
}

TEST(KvPages, MergingKeepsEveryByteAndTakesNoOther) {
  constexpr size_t kBytes = 3 * kLargePage;
  const auto memory = allocate_host_bytes(kBytes + 4096, kLargePage);
  auto* const first = static_cast<std::byte*>(memory->data());
  EXPECT_EQ(reinterpret_cast<uintptr_t>(first) % kLargePage, 0u);
  for (std::byte* const head : {first, first + 4096}) {  // the second begins within a page
    for (size_t i = 0; i < kBytes; ++i) head[i] = static_cast<std::byte>(i * 7 / 5);
    size_t before = 0;
    for (const size_t filled : {kLargePage - 1, kLargePage, 2 * kLargePage + 100, kBytes}) {
      merge_filled_pages(head, before, filled);
      before = filled;
    }
    size_t wrong = 0;
    for (size_t i = 0; i < kBytes; ++i) wrong += head[i] != static_cast<std::byte>(i * 7 / 5);
    EXPECT_EQ(wrong, 0u);
  }
}

// Written position by position or in chunks, with or without room for more: the same bytes come back.
TEST(KvPages, LongSlabsKeepTheirPositions) {
  constexpr int kPositions = 9000;
  const auto device = open_device({.kind = "cpu", .threads = 2, .isa = ""});
  for (const DType dtype : {DType::F16, DType::Q8_0}) {
    const KvShape shape{2, 256, dtype, dtype};
    const OwnedTensor exact = device->allocate_kv(dtype, kPositions, shape);
    const OwnedTensor roomy = device->allocate_kv(dtype, 70000, shape);
    const size_t bytes = device->saved_kv_bytes(exact, shape, 0, kPositions);
    std::vector<std::byte> values(bytes), back(bytes);
    for (size_t i = 0; i < bytes; ++i) values[i] = static_cast<std::byte>(i * 2654435761u >> 13);
    for (const Tensor& slab : {static_cast<Tensor>(exact), static_cast<Tensor>(roomy)}) {
      device->restore_kv(slab, shape, values.data(), 0, kPositions);
      std::fill(back.begin(), back.end(), std::byte{0});
      device->save_kv(back.data(), slab, shape, 0, kPositions);
      EXPECT_EQ(std::memcmp(values.data(), back.data(), bytes), 0);
    }
  }
}

}  // namespace
}  // namespace paceline::cpu
