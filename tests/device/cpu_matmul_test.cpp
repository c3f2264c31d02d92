// Products of every format on every instruction set: against sums written out in double over the quantized activations (so that the
// tolerance is that of f32 sums, not of 8-bit activations), bit-equal for any number of rows and threads, close between instruction
// sets, exact at the extremes of codes and activations.
#include <gtest/gtest.h>

#include "device/cpu/cpu_device.h"
#include "device/cpu/dispatch.h"
#include "device/cpu_support.h"

namespace paceline::cpu_test {
namespace {

constexpr int kOutputs = 53, kCols = 768;

bool is_float(QuantType type) { return type == QuantType::F32 || type == QuantType::F16 || type == QuantType::BF16; }

// What an int8 activation block stands for.
std::vector<float> quantized(std::vector<float> x) {
  for (size_t first = 0; first < x.size(); first += 32) {
    float top = 0;
    for (size_t i = first; i < first + 32; ++i) top = std::max(top, std::fabs(x[i]));
    for (size_t i = first; i < first + 32 && top > 0; ++i)
      x[i] = std::nearbyint(x[i] * (127.0f / top)) * (top / 127.0f);
  }
  return x;
}

Rows expected_products(const QuantMatrix& matrix, Rows x) {
  const Rows weights = decoded(matrix);
  if (!is_float(matrix.type))
    for (auto& row : x) row = quantized(row);
  Rows out(x.size(), std::vector<float>(weights.size()));
  for (size_t r = 0; r < x.size(); ++r)
    for (size_t o = 0; o < weights.size(); ++o) {
      double sum = 0;
      for (size_t c = 0; c < x[r].size(); ++c) sum += static_cast<double>(weights[o][c]) * static_cast<double>(x[r][c]);
      out[r][o] = static_cast<float>(sum);
    }
  return out;
}

Rows first_rows(const Rows& rows, size_t first, size_t count) {
  return {rows.begin() + static_cast<std::ptrdiff_t>(first), rows.begin() + static_cast<std::ptrdiff_t>(first + count)};
}

class CpuMatmul : public PerInstructionSet {};

TEST_P(CpuMatmul, AgreesWithSumsInDouble) {
  for (const QuantType type : kAllQuantTypes) {
    const EncodedMatrix matrix = encoded(type, random_rows(1, kOutputs, kCols));
    const WeightPtr weight = device_->load(matrix.matrix, WeightUse::Project);
    const Rows x = random_rows(2, 20, kCols);
    EXPECT_LE(normalised_error(project(*device_, *weight, x), expected_products(matrix.matrix, x)), 3e-13)
        << format_info(type).name;
  }
}

TEST_P(CpuMatmul, BitsDoNotDependOnTheNumberOfRows) {
  const Rows x = random_rows(3, 70, kCols);
  for (const QuantType type : kAllQuantTypes) {
    const EncodedMatrix matrix = encoded(type, random_rows(4, kOutputs, kCols));
    const WeightPtr weight = device_->load(matrix.matrix, WeightUse::Project);
    const Rows together = project(*device_, *weight, x);
    for (size_t count = 1; count <= 34; ++count)
      for (const size_t first : {size_t{0}, 36 - count, size_t{36}})
        ASSERT_TRUE(
            same_bits(project(*device_, *weight, first_rows(x, first, count)), first_rows(together, first, count)))
            << format_info(type).name << ": " << count << " rows from " << first;
  }
}

TEST_P(CpuMatmul, BitsDoNotDependOnTheNumberOfThreads) {
  const Rows x = random_rows(5, 21, kCols);
  for (const QuantType type : kAllQuantTypes) {
    const EncodedMatrix matrix = encoded(type, random_rows(6, 16 * 40 + 5, kCols));
    const Rows want = project(*device_, *device_->load(matrix.matrix, WeightUse::Project), x);
    for (const int threads : {1, 3}) {
      const std::unique_ptr<Device> other = open_if_supported(GetParam(), threads);
      EXPECT_TRUE(same_bits(project(*other, *other->load(matrix.matrix, WeightUse::Project), x), want))
          << format_info(type).name << " with " << threads << " threads";
    }
  }
}

// Panels enough that one thread claims many at once: few rows read them as several streams or as one, many pass over all of them in turn. Not a multiple
// of anything, so that there are panels left over and a part of one.
TEST_P(CpuMatmul, ManyPanelsAtOnce) {
  cpu::Kernels kernels = cpu::choose_kernels(GetParam());
  const Rows x = random_rows(13, 37, 512);
  for (const QuantType type : {QuantType::Q8_0, QuantType::Q4_K, QuantType::Q6_K, QuantType::F16}) {
    const EncodedMatrix matrix = encoded(type, random_rows(14, 16 * 150 + 5, 512));
    Rows together;
    for (const auto reading : {cpu::WeightReading::Ahead, cpu::WeightReading::Hardware, cpu::WeightReading::Streams}) {
      kernels.reading = reading;
      cpu::CpuDevice cpu(kernels, 1);
      Device& device = cpu;
      const WeightPtr weight = device.load(matrix.matrix, WeightUse::Project);
      if (together.empty()) together = project(device, *weight, x);
      for (const size_t count : {1u, 2u, 3u, 4u, 5u, 6u, 7u, 8u, 16u, 17u})
        EXPECT_TRUE(same_bits(project(device, *weight, first_rows(x, 20, count)), first_rows(together, 20, count)))
            << format_info(type).name << ": " << count << " rows, reading " << static_cast<int>(reading);
    }
    EXPECT_LE(normalised_error(first_rows(together, 0, 3), expected_products(matrix.matrix, first_rows(x, 0, 3))),
              3e-13)
        << format_info(type).name;
  }
}

// Largest codes of both signs against largest activations of both signs: sums that would saturate 16 bits.
TEST_P(CpuMatmul, ExtremeCodesDoNotSaturate) {
  Rows weights, x;
  for (const int pattern : {0, 1, 2, 3}) {
    std::vector<float> row(kCols);
    for (size_t c = 0; c < row.size(); ++c)
      row[c] = pattern == 0                                      ? 1.0f
               : pattern == 1                                    ? -1.0f
               : (c / static_cast<size_t>(pattern - 1)) % 2 == 0 ? 1.0f
                                                                 : -1.0f;
    weights.push_back(row);
    x.push_back(row);
  }
  for (const QuantType type : kAllQuantTypes) {
    const EncodedMatrix matrix = encoded(type, weights);
    const WeightPtr weight = device_->load(matrix.matrix, WeightUse::Project);
    EXPECT_LE(normalised_error(project(*device_, *weight, x), expected_products(matrix.matrix, x)), 1e-12)
        << format_info(type).name;
  }
}

TEST_P(CpuMatmul, FloatFormatsTakeAnyNumberOfColumns) {
  for (const QuantType type : {QuantType::F32, QuantType::F16, QuantType::BF16})
    for (const int cols : {1, 2, 7, 31, 33, 77}) {
      const EncodedMatrix matrix = encoded(type, random_rows(7, 18, cols));
      const WeightPtr weight = device_->load(matrix.matrix, WeightUse::Project);
      const Rows x = random_rows(8, 11, cols), got = project(*device_, *weight, x);
      EXPECT_LE(normalised_error(got, expected_products(matrix.matrix, x)), 3e-13)
          << format_info(type).name << " x " << cols;
      EXPECT_TRUE(same_bits(project(*device_, *weight, first_rows(x, 10, 1)), first_rows(got, 10, 1)));
    }
}

TEST_P(CpuMatmul, ZeroAndTinyActivations) {
  const EncodedMatrix matrix = encoded(QuantType::Q4_K, random_rows(9, 16, 256));
  const WeightPtr weight = device_->load(matrix.matrix, WeightUse::Project);
  Rows x(3, std::vector<float>(256, 0.0f));
  x[1].assign(256, 1e-39f);
  x[2] = random_rows(10, 1, 256)[0];
  const Rows got = project(*device_, *weight, x);
  EXPECT_EQ(got[0], std::vector<float>(16, 0.0f));
  for (const float value : got[1]) EXPECT_LE(std::fabs(value), 1e-34f);
  EXPECT_TRUE(same_bits({got[2]}, project(*device_, *weight, {x[2]})));
}

std::string set_name(const testing::TestParamInfo<const char*>& info) { return info.param; }

INSTANTIATE_TEST_SUITE_P(Sets, CpuMatmul, testing::ValuesIn(kInstructionSets), set_name);

// The same integers, so only the rounding of f32 sums may differ.
TEST(CpuInstructionSets, ProductsAgree) {
  const Rows x = random_rows(11, 6, kCols);
  for (const QuantType type : kAllQuantTypes) {
    const EncodedMatrix matrix = encoded(type, random_rows(12, kOutputs, kCols));
    const auto run = [&](Device& device) {
      return project(device, *device.load(matrix.matrix, WeightUse::Project), x);
    };
    const Rows want = run(*open_if_supported("scalar", 1));
    for (const char* isa : kInstructionSets) {
      const std::unique_ptr<Device> device = open_if_supported(isa, 2);
      if (device) {
        EXPECT_LE(normalised_error(run(*device), want), 1e-12) << isa << " " << format_info(type).name;
      }
    }
  }
}

TEST(CpuOptions, WrongOnesAreNamed) {
  EXPECT_THROW(
      {
        try {
          open_device({.kind = "cpu", .threads = 1, .isa = "avx3"});
        } catch (const Error& error) {
          EXPECT_STREQ(error.what(), "instruction set \"avx3\" is unknown; there are: scalar, avx2, avx_vnni, avx512");
          throw;
        }
      },
      Error);
  EXPECT_THROW(open_device({.kind = "cpu", .threads = -1, .isa = ""}), Error);
  EXPECT_EQ(open_device({.kind = "cpu", .threads = 3, .isa = "scalar"})->description(), "cpu: 3 threads, scalar");
}

}  // namespace
}  // namespace paceline::cpu_test
