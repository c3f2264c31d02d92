// Every block format against the formulas by element, and the encoders against what they promise (quant/block.h).
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "quant/format.h"
#include "quant/spec_formulas.h"

namespace paceline::test {

namespace {

bool is_block_format(QuantType type) { return format_info(type).block_size > 1; }

std::vector<QuantType> block_formats() {
  std::vector<QuantType> types;
  std::copy_if(std::begin(kAllQuantTypes), std::end(kAllQuantTypes), std::back_inserter(types), is_block_format);
  return types;
}

std::vector<float> gaussian(size_t count, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float& value : values) value = normal(random);
  return values;
}

std::vector<std::byte> encoded(const FormatInfo& info, const std::vector<float>& values) {
  std::vector<std::byte> blocks(values.size() / static_cast<size_t>(info.block_size) *
                                static_cast<size_t>(info.block_bytes));
  info.encode(values.data(), blocks.data(), values.size());
  return blocks;
}

std::vector<float> decoded(const FormatInfo& info, const std::vector<std::byte>& blocks) {
  std::vector<float> values(blocks.size() / static_cast<size_t>(info.block_bytes) *
                            static_cast<size_t>(info.block_size));
  info.decode(blocks.data(), values.data(), values.size());
  return values;
}

double relative_error(const FormatInfo& info, const std::vector<float>& values) {
  const std::vector<float> back = decoded(info, encoded(info, values));
  double error = 0, norm = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    error += std::pow(static_cast<double>(values[i]) - static_cast<double>(back[i]), 2);
    norm += std::pow(static_cast<double>(values[i]), 2);
  }
  return std::sqrt(error / norm);
}

class Blocks : public testing::TestWithParam<QuantType> {
 protected:
  const FormatInfo& info = format_info(GetParam());
  const size_t size = static_cast<size_t>(info.block_size), bytes = static_cast<size_t>(info.block_bytes);
};

TEST_P(Blocks, DecodeAsTheFormulasSay) {
  std::mt19937 random(1);
  std::vector<std::byte> block(bytes + 1);
  std::vector<float> values(size);
  for (int trial = 0; trial < 2000; ++trial) {
    for (std::byte& byte : block) byte = static_cast<std::byte>(random());
    const size_t shift = trial % 2;  // blocks need not be aligned
    info.decode(block.data() + shift, values.data(), size);
    const SpecBlock spec(info.type, reinterpret_cast<const uint8_t*>(block.data() + shift));
    for (int e = 0; e < info.block_size; ++e) {
      const float want = spec.value(e), got = values[static_cast<size_t>(e)];
      const bool same = std::bit_cast<uint32_t>(got) == std::bit_cast<uint32_t>(want);
      ASSERT_TRUE(same || (std::isnan(want) && std::isnan(got)))
          << info.name << " element " << e << ": " << got << ", " << want;
    }
  }
}

TEST_P(Blocks, DecodeManyBlocksAsOneByOne) {
  std::mt19937 random(2);
  std::vector<std::byte> blocks(5 * bytes);
  for (std::byte& byte : blocks) byte = static_cast<std::byte>(random() & 0x3f);  // finite scales
  const std::vector<float> together = decoded(info, blocks);
  std::vector<float> single(size);
  for (size_t i = 0; i < 5; ++i) {
    info.decode(blocks.data() + i * bytes, single.data(), size);
    EXPECT_TRUE(std::equal(single.begin(), single.end(), together.begin() + static_cast<std::ptrdiff_t>(i * size)));
  }
}

// Root of the normalised squared error on Gaussian values: what these encoders reach, and no more than 1 % above.
double gaussian_bound(QuantType type) {
  switch (type) {
    case QuantType::Q8_0: return 0.0054;
    case QuantType::Q4_0: return 0.0865;
    case QuantType::Q4_1: return 0.0788;
    case QuantType::Q5_0: return 0.0429;
    case QuantType::Q5_1: return 0.0380;
    case QuantType::Q2_K: return 0.2638;
    case QuantType::Q3_K: return 0.1444;
    case QuantType::Q4_K: return 0.0701;
    case QuantType::Q5_K: return 0.0346;
    case QuantType::Q6_K: return 0.0166;
    case QuantType::IQ4_NL: return 0.0739;
    case QuantType::IQ4_XS: return 0.0747;
    case QuantType::MXFP4: return 0.1122;
    default: return 0;
  }
}

TEST_P(Blocks, EncodeGaussianValuesClosely) {
  EXPECT_LT(relative_error(info, gaussian(256 * 200, 3)), gaussian_bound(info.type)) << info.name;
}

// The error scales with the values, also where the scales are halves without full precision.
TEST_P(Blocks, EncodeSmallAndLargeValues) {
  for (const float factor : {1e-2f, 1e-1f, 10.0f, 1000.0f}) {
    std::vector<float> values = gaussian(256 * 50, 4);
    for (float& value : values) value *= factor;
    EXPECT_LT(relative_error(info, values), 1.1 * gaussian_bound(info.type)) << info.name << " times " << factor;
  }
}

TEST_P(Blocks, EncodeTakesTheNearestStep) {
  std::vector<float> values = gaussian(256 * 8, 5);
  for (size_t i = 0; i < values.size(); i += 100) values[i] *= 6;  // some outliers
  const std::vector<std::byte> blocks = encoded(info, values);
  const std::vector<float> back = decoded(info, blocks);
  for (size_t i = 0; i < values.size(); ++i) {
    const SpecBlock spec(info.type, reinterpret_cast<const uint8_t*>(blocks.data()) + i / size * bytes);
    const float miss = std::fabs(back[i] - values[i]);
    for (int step = 0; step < spec.step_count(); ++step) {
      if (info.type == QuantType::Q8_0 && step == 128) continue;  // -128 is never used
      const float other = std::fabs(spec.value(static_cast<int>(i % size), step) - values[i]);
      ASSERT_LE(miss, other * 1.0001f + 1e-6f) << info.name << " element " << i << " step " << step;
    }
  }
}

TEST_P(Blocks, EncodeWhatIsNotFinite) {
  const float infinity = std::numeric_limits<float>::infinity();
  std::vector<float> values = gaussian(256, 6), tame = values;
  values[3] = tame[3] = 0;
  values[3] = std::numeric_limits<float>::quiet_NaN();
  values[40] = infinity, tame[40] = 65504;
  values[200] = -1e30f, tame[200] = -65504;
  EXPECT_EQ(encoded(info, values), encoded(info, tame)) << info.name;
  const std::vector<float> back = decoded(info, encoded(info, values));
  EXPECT_TRUE(std::all_of(back.begin(), back.end(), [](float value) { return std::isfinite(value); })) << info.name;
}

TEST_P(Blocks, EncodeZerosAndConstants) {
  const std::vector<float> zeros = decoded(info, encoded(info, std::vector<float>(256)));
  EXPECT_TRUE(std::all_of(zeros.begin(), zeros.end(), [](float value) { return value == 0; })) << info.name;
  for (const float constant : {1.0f, -1.0f, 1e-30f, -65504.0f})
    for (const float value : decoded(info, encoded(info, std::vector<float>(256, constant))))
      ASSERT_NEAR(value, constant, 0.2f * std::fabs(constant) + 1e-6f) << info.name;
}

// What came out of an encoder goes in again unchanged, where a block has one scale and no minimum.
TEST_P(Blocks, EncodeIsIdempotent) {
  const std::vector<float> once = decoded(info, encoded(info, gaussian(256 * 50, 7)));
  const bool exact = info.type == QuantType::Q8_0 || info.type == QuantType::Q4_0 || info.type == QuantType::Q5_0 ||
                     info.type == QuantType::MXFP4 || info.type == QuantType::IQ4_NL;
  const double bound = exact ? 0 : 0.5 * gaussian_bound(info.type);
  EXPECT_LE(relative_error(info, once), bound) << info.name;
}

INSTANTIATE_TEST_SUITE_P(AllFormats, Blocks, testing::ValuesIn(block_formats()),
                         [](const auto& test) { return std::string(format_info(test.param).name); });

}  // namespace

}  // namespace paceline::test
