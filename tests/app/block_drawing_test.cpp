#include "app/synth/block_drawing.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace paceline::synth {
namespace {

std::vector<float> decode(QuantType type, const std::vector<std::byte>& bytes) {
  const FormatInfo& info = format_info(type);
  std::vector<float> values(bytes.size() / static_cast<size_t>(info.block_bytes) *
                            static_cast<size_t>(info.block_size));
  info.decode(bytes.data(), values.data(), values.size());
  return values;
}

class BlockDrawing : public testing::TestWithParam<QuantType> {
 protected:
  const FormatInfo& info_ = format_info(GetParam());
  size_t bytes_of(size_t values) const {
    return values / static_cast<size_t>(info_.block_size) * static_cast<size_t>(info_.block_bytes);
  }
};

// Also for scales that are subnormal halves, which small weights of wide layers have.
TEST_P(BlockDrawing, ValuesHaveTheWantedDeviationAndNoMean) {
  for (const float deviation : {16.0f, 0.05f, 0.0005f}) {
    std::vector<std::byte> bytes(bytes_of(1 << 18));
    BlockDrawer(GetParam(), deviation).draw(bytes, 99, 0);
    double sum = 0, squares = 0;
    const std::vector<float> values = decode(GetParam(), bytes);
    for (const float value : values) {
      ASSERT_TRUE(std::isfinite(value));
      sum += value, squares += static_cast<double>(value) * value;
    }
    const double count = static_cast<double>(values.size());
    EXPECT_NEAR(std::sqrt(squares / count) / deviation, 1, 0.1) << deviation;
    EXPECT_NEAR(sum / count / deviation, 0, 0.02) << deviation;
  }
}

TEST_P(BlockDrawing, AnyRangeOfBlocksComesOutTheSame) {
  const BlockDrawer drawer(GetParam(), 1);
  std::vector<std::byte> whole(bytes_of(4096)), part(bytes_of(1024));
  drawer.draw(whole, 7, 0);
  drawer.draw(part, 7, 2048 / static_cast<uint64_t>(info_.block_size));
  EXPECT_TRUE(std::equal(part.begin(), part.end(), whole.begin() + static_cast<ptrdiff_t>(bytes_of(2048))));
  std::vector<std::byte> other(part.size());
  drawer.draw(other, 8, 0);
  EXPECT_NE(part, other);
}

TEST_P(BlockDrawing, SpikesAreOneHotAtEveryElement) {
  for (int element = 0; element < info_.block_size; ++element) {
    std::vector<std::byte> block(static_cast<size_t>(info_.block_bytes), std::byte{0x5a});
    spike_block(GetParam(), block, element);
    const std::vector<float> values = decode(GetParam(), block);
    for (int i = 0; i < info_.block_size; ++i)
      ASSERT_NEAR(values[static_cast<size_t>(i)], i == element ? 1 : 0, 0.01) << "element " << element << " at " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(All, BlockDrawing, testing::ValuesIn(kAllQuantTypes),
                         [](const testing::TestParamInfo<QuantType>& type) {
                           return std::string(format_info(type.param).name);
                         });

}  // namespace
}  // namespace paceline::synth
