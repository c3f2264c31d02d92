// Kernels of the CPU device in place, against what the machine can do in the same minute: read bandwidth for few rows, int8 products for
// many. `cpu_kernels [--isa NAME] [--threads N] [--mib N] [FORMAT ...]`
//
// Weights are one large matrix per format, larger than the caches. Times are medians of alternating runs, spread is (worst - best) / median.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <vector>

#include "base/cpu_info.h"
#include "base/machine_limits.h"
#include "base/random.h"
#include "base/thread_pool.h"
#include "device/device.h"

namespace paceline::bench {
namespace {

struct Options {
  DeviceOptions device;
  size_t mib = 512;
  std::vector<QuantType> formats;
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

double seconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Random codes with tame scales: blocks of one encoded row, repeated.
std::vector<std::byte> random_weights(QuantType type, int rows, int cols) {
  const FormatInfo& format = format_info(type);
  const size_t row_size = row_bytes(type, cols);
  std::vector<std::byte> bytes(row_size * static_cast<size_t>(rows));
  std::vector<float> values(static_cast<size_t>(cols));
  constexpr int kDistinct = 16;
  for (int row = 0; row < std::min(rows, kDistinct); ++row) {
    for (size_t c = 0; c < values.size(); ++c)
      values[c] = static_cast<float>(unit_interval(random_word(1, static_cast<uint64_t>(row), c)) - 0.5);
    format.encode(values.data(), bytes.data() + static_cast<size_t>(row) * row_size, values.size());
  }
  for (int row = kDistinct; row < rows; ++row)
    std::memcpy(bytes.data() + static_cast<size_t>(row) * row_size,
                bytes.data() + static_cast<size_t>(row % kDistinct) * row_size, row_size);
  return bytes;
}

OwnedTensor random_tensor(Device& device, int rows, int cols) {
  OwnedTensor tensor = device.allocate(DType::F32, rows, cols);
  for (int row = 0; row < rows; ++row)
    for (int c = 0; c < cols; ++c)
      tensor.f32(row)[c] =
          static_cast<float>(unit_interval(random_word(2, static_cast<uint64_t>(row), static_cast<uint64_t>(c))) - 0.5);
  return tensor;
}

// Few rows: GB/s of packed weights, the share of the bandwidth measured between the runs, and time(k) / time(1).
void few_rows(Device& device, MachineLimits& limits, const Weight& weight, double bytes) {
  const OwnedTensor x = random_tensor(device, 16, weight.cols), out = device.allocate(DType::F32, 16, weight.rows);
  double one = 0;
  for (const int rows : {1, 2, 3, 4, 5, 6, 7, 8, 12, 16}) {
    std::vector<double> times, bandwidths;
    const Tensor outs[] = {out.row_range(0, rows)};
    const Weight* weights[] = {&weight};
    for (int run = 0; run < 5; ++run) {
      bandwidths.push_back(limits.read_gb_s());
      times.push_back(seconds_of([&] { device.project(outs, x.row_range(0, rows), weights); }));
    }
    const double time = median(times), gb_s = bytes / time * 1e-9;
    if (rows == 1) one = time;
    std::printf(
        "  %2d rows  %7.2f ms  %6.1f GB/s  %3.0f %% of %.1f read  ratio %.2f  %5.0f Gop/s  spread %.0f %%\n", rows,
        time * 1e3, gb_s, 100 * gb_s / median(bandwidths), median(bandwidths), time / one,
        2e-9 * rows * static_cast<double>(weight.rows) * weight.cols / time,
        100 * (*std::max_element(times.begin(), times.end()) - *std::min_element(times.begin(), times.end())) / time);
  }
}

// Many rows, with as many outputs as a wide layer has.
void many_rows(Device& device, MachineLimits& limits, QuantType type, int cols) {
  constexpr int kRows = 512, kOutputs = 9216;
  const std::vector<std::byte> bytes = random_weights(type, kOutputs, cols);
  const WeightPtr weight = device.load({type, kOutputs, cols, bytes}, WeightUse::Project);
  const OwnedTensor x = random_tensor(device, kRows, cols), out = device.allocate(DType::F32, kRows, kOutputs);
  const Tensor outs[] = {out};
  const Weight* weights[] = {weight.get()};
  std::vector<double> times, peaks;
  for (int run = 0; run < 5; ++run) {
    peaks.push_back(limits.int8_gop_s());
    times.push_back(seconds_of([&] { device.project(outs, x, weights); }));
  }
  const double gop_s = 2e-9 * kRows * kOutputs * cols / median(times);
  std::printf("  %d rows x %d: %.0f Gop/s, %.0f %% of the int8 peak %.0f\n", kRows, cols, gop_s,
              100 * gop_s / median(peaks), median(peaks));
}

void run(const Options& options) {
  const std::unique_ptr<Device> device = open_device(options.device);
  std::printf("%s\n", device->description().c_str());
  MachineLimits limits(options.device.threads == 0 ? physical_core_count() : options.device.threads);
  for (const QuantType type : options.formats) {
    constexpr int kCols = 2560;
    const int rows = static_cast<int>((options.mib << 20) / row_bytes(type, kCols) / 16 * 16);
    const std::vector<std::byte> bytes = random_weights(type, rows, kCols);
    WeightPtr weight;
    const double seconds = seconds_of([&] { weight = device->load({type, rows, kCols, bytes}, WeightUse::Project); });
    std::printf("%s: %d x %d, packed at %.2f GB/s\n", std::string(format_info(type).name).c_str(), rows, kCols,
                static_cast<double>(bytes.size()) / seconds * 1e-9);
    few_rows(*device, limits, *weight, static_cast<double>(bytes.size()));
    weight.reset();
    many_rows(*device, limits, type, kCols);
    std::fflush(stdout);
  }
}

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const bool has_value = i + 1 < argc;
    if (word == "--isa" && has_value) options.device.isa = argv[++i];
    else if (word == "--threads" && has_value) options.device.threads = std::stoi(argv[++i]);
    else if (word == "--mib" && has_value) options.mib = static_cast<size_t>(std::stoi(argv[++i]));
    else if (const auto type = quant_type_from_name(word)) options.formats.push_back(*type);
    else fail("unknown word ", word, ", expected --isa, --threads, --mib or a format");
  }
  if (options.formats.empty())
    options.formats = {QuantType::Q4_K, QuantType::Q6_K, QuantType::Q5_K, QuantType::Q8_0, QuantType::Q4_0};
  return options;
}

}  // namespace
}  // namespace paceline::bench

int main(int argc, char** argv) {
  try {
    paceline::bench::run(paceline::bench::parse(argc, argv));
  } catch (const paceline::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
