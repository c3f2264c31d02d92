// The emulator of CUDA's execution model: what it computes, and that it refuses what hardware would punish.
#include <gtest/gtest.h>

#include <numeric>

#include "device/cuda/context.h"
#include "device/cuda/intrinsics.h"
#include "device/cuda/launch.h"

namespace paceline::cuda {
namespace {

struct Values {
  float values[64];
};

// Each thread writes its number, reads its neighbour's.
void rotate_values(float* out, bool with_barrier) {
  auto& shared = dynamic_shared<Values>();
  shared.values[threadIdx.x] = static_cast<float>(threadIdx.x);
  if (with_barrier) __syncthreads();
  out[threadIdx.x] = shared.values[(threadIdx.x + 1) % 64];
}

class Emulator : public testing::Test {
 protected:
  // What the stream's synchronisation says after the kernel, "" for nothing.
  template <class Kernel>
  std::string failure_of(Kernel kernel, int threads = 64, size_t shared_bytes = sizeof(Values), bool waits = false) {
    try {
      cuda_emulator::run_grid({"kernel", dim3(1), dim3(static_cast<unsigned>(threads)), shared_bytes, waits}, kernel);
    } catch (const cuda_emulator::Violation& violation) {
      return violation.what();
    }
    return "";
  }

  std::vector<float> rotated(bool with_barrier, cuda_emulator::Order order) {
    std::vector<float> out(64);
    cuda_emulator::set_order(order);
    cuda_emulator::run_grid({"rotate_values", dim3(1), dim3(64), sizeof(Values)},
                            [&] { rotate_values(out.data(), with_barrier); });
    cuda_emulator::set_order(cuda_emulator::Order::Forward);
    return out;
  }
};

TEST_F(Emulator, RunsEveryThreadOfEveryBlockOnTheDevice) {
  CudaContext context;
  const DeviceBytes memory(6 * 64 * sizeof(int));
  constexpr auto kernel = +[](int* out) {
    wait_for_previous_kernel();
    const unsigned block = blockIdx.x + gridDim.x * blockIdx.y;
    out[block * blockDim.x + threadIdx.x] = static_cast<int>(block * 1000 + threadIdx.x);
  };
  launch(kernel, {"number", dim3(3, 2), 64, 0}, context, static_cast<int*>(memory.data()));
  std::vector<int> got(6 * 64);
  context.download(got.data(), memory.data(), got.size() * 4, got.size() * 4, 1);
  for (int i = 0; i < 6 * 64; ++i) EXPECT_EQ(got[static_cast<size_t>(i)], i / 64 * 1000 + i % 64);
}

TEST_F(Emulator, CopiesRowsWithAPitchThroughStaging) {
  CudaContext context;
  constexpr size_t kRows = 700, kBytes = 5000, kPitch = 6016;
  const DeviceBytes memory(kRows * kPitch);
  std::vector<unsigned char> sent(kRows * kBytes), got(sent.size());
  for (size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<unsigned char>(i * 7 + i / 251);
  const std::vector<unsigned char> want = sent;
  context.upload(memory.data(), kPitch, sent.data(), kBytes, kRows);
  std::fill(sent.begin(), sent.end(), 0);  // the caller's memory is free again
  context.download(got.data(), memory.data(), kPitch, kBytes, kRows);
  EXPECT_TRUE(got == want);
}

TEST_F(Emulator, AMissingBarrierShowsInOneOfTwoOrders) {
  for (const auto order :
       {cuda_emulator::Order::Forward, cuda_emulator::Order::Reverse, cuda_emulator::Order::Shuffled})
    for (int i = 0; i < 64; ++i)
      EXPECT_EQ(rotated(true, order)[static_cast<size_t>(i)], static_cast<float>((i + 1) % 64));
  EXPECT_TRUE(std::isnan(rotated(false, cuda_emulator::Order::Forward)[0]));
  EXPECT_TRUE(std::isnan(rotated(false, cuda_emulator::Order::Reverse)[63]));
}

TEST_F(Emulator, RefusesThreadsThatMissABarrier) {
  EXPECT_EQ(failure_of([] {
              if (threadIdx.x < 60) __syncthreads();
            }),
            "kernel: block (0, 0, 0): 60 threads wait at __syncthreads, 4 have ended without it");
}

TEST_F(Emulator, RefusesThreadsThatDoNotWaitForTheKernelBefore) {
  const auto waits = [] {
    if (threadIdx.x != 7) wait_for_previous_kernel();
  };
  EXPECT_EQ(failure_of(waits, 64, 0, false), "");
  EXPECT_EQ(failure_of(waits, 64, 0, true),
            "kernel: block (0, 0, 0), thread 7 ends without having waited for the kernel before");
}

TEST_F(Emulator, RefusesLanesThatMissACollective) {
  EXPECT_EQ(failure_of([] {
              if (threadIdx.x != 33) __syncwarp();
            }),
            "kernel: block (0, 0, 0): thread 32 waits in __syncwarp for lanes of its mask that never come");
  EXPECT_NE(failure_of([] {
              if (threadIdx.x % 2 == 0) __shfl_xor_sync(0x55555555u, 1.0f, 1);
            }).find("a shuffle reads lane"),
            std::string::npos);
  EXPECT_NE(failure_of([] { __shfl_sync(1u, 1.0f, 0); }).find("with a mask that does not hold it"), std::string::npos);
}

TEST_F(Emulator, RefusesSharedMemoryBehindTheEnd) {
  EXPECT_NE(failure_of([] { (&dynamic_shared<Values>().values[threadIdx.x])[1] = 0; }).find("writes behind its 256"),
            std::string::npos);
  EXPECT_NE(
      failure_of([] { dynamic_shared<Values>(); }, 64, 128).find("uses 256 bytes of shared memory, launched with"),
      std::string::npos);
}

TEST_F(Emulator, RefusesMisalignedWideLoads) {
  alignas(16) static const float values[8] = {};
  EXPECT_EQ(failure_of([] { load_wide<float4>(values + 4); }), "");
  EXPECT_NE(failure_of([] { load_wide<float4>(values + 1); }).find("at an address that is no multiple"),
            std::string::npos);
}

// What hardware would do with them is not said anywhere.
TEST_F(Emulator, RefusesPrefetchesOfWhatIsNotThere) {
  void* memory = nullptr;
  ASSERT_EQ(cudaMalloc(&memory, 160), cudaSuccess);
  const auto* bytes = static_cast<const std::byte*>(memory);
  EXPECT_EQ(failure_of([&] { prefetch_piece(bytes + 16, 144); }), "");
  for (const auto& [first, count] : {std::pair{16, 160u}, {0, 24u}, {0, 0u}, {-16, 32u}})
    EXPECT_NE(failure_of([&] { prefetch_piece(bytes + first, count); }).find("that are no piece of device memory"),
              std::string::npos)
        << first << ", " << count;
  EXPECT_NE(failure_of([&] { prefetch_piece(bytes + 8, 16); }).find("at an address that is no multiple"),
            std::string::npos);
  EXPECT_EQ(cudaFree(memory), cudaSuccess);
}

TEST_F(Emulator, AsynchronousCopiesHappenWhenWaitedFor) {
  alignas(16) static const float source[4] = {1, 2, 3, 4};
  static float early = 0, late = 0;
  const auto kernel = [](bool wait) {
    auto& shared = dynamic_shared<Values>();
    copy_async_16(shared.values + 4 * threadIdx.x % 32, source);
    commit_async_copies();
    early = shared.values[1];
    if (wait) wait_async_copies<0>();
    late = shared.values[1];
  };
  EXPECT_EQ(failure_of([&] { kernel(true); }, 32), "");
  EXPECT_EQ(late, 2.0f);
  EXPECT_NE(failure_of([&] { kernel(false); }, 32).find("asynchronous copies that nobody waited for"),
            std::string::npos);
  EXPECT_TRUE(std::isnan(early));
}

TEST_F(Emulator, KernelFailuresAreErrorsOfTheNextSynchronisation) {
  // In a process of its own: a device that failed stays failed, as the real one does.
  EXPECT_EXIT(
      {
        CudaContext context;
        launch(
            +[](float*) {
              wait_for_previous_kernel();
              if (threadIdx.x == 0) __syncthreads();
            },
            {"half_hearted", dim3(1), 32, 0}, context, static_cast<float*>(nullptr));
        try {
          check(cudaStreamSynchronize(context.stream), "waiting");
        } catch (const Error& error) {
          std::fprintf(stderr, "%s\n", error.what());
          std::exit(3);
        }
      },
      testing::ExitedWithCode(3), "cuda: waiting: half_hearted: block");
}

TEST_F(Emulator, TheHostMayNotTouchDeviceMemory) {
  EXPECT_DEATH(
      {
        const DeviceBytes memory(64);
        std::fprintf(stderr, "%f\n", static_cast<double>(*static_cast<volatile float*>(memory.data())));
      },
      "");
}

TEST_F(Emulator, ReportsMemoryThatIsNotThere) {
  try {
    const DeviceBytes memory(size_t{1} << 40);
    FAIL() << "a terabyte was allocated";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("cannot allocate 1.0 TiB"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("are free on the device"), std::string::npos) << error.what();
  }
}

TEST_F(Emulator, FindsTheLanesWithTheSameValue) {
  unsigned found[32];
  EXPECT_EQ(failure_of([&] { found[threadIdx.x] = __match_any_sync(kAllLanes, lane_index() % 3 - 1); }, 32), "");
  for (int lane = 0; lane < 32; ++lane) EXPECT_EQ(found[lane], 0x49249249u << lane % 3) << lane;
}

// The tensor core's product against the sum written out.
TEST_F(Emulator, ByteProductAgreesWithItsDefinition) {
  static int8_t a[16][32], b[32][8];
  static int got[16][8];
  for (int i = 0; i < 16 * 32; ++i) (&a[0][0])[i] = static_cast<int8_t>(i * 37 + 11);
  for (int i = 0; i < 32 * 8; ++i) (&b[0][0])[i] = static_cast<int8_t>(i * 101 - 5);
  const auto word = [](auto byte_at) {
    uint32_t bits = 0;
    for (int i = 0; i < 4; ++i) bits |= static_cast<uint32_t>(static_cast<uint8_t>(byte_at(i))) << (8 * i);
    return bits;
  };
  EXPECT_EQ(failure_of(
                [&] {
                  const int g = lane_index() / 4, t = lane_index() % 4;
                  uint32_t left[4], right[2];
                  for (int w = 0; w < 4; ++w)
                    left[w] = word([&](int i) { return a[g + w % 2 * 8][w / 2 * 16 + 4 * t + i]; });
                  for (int w = 0; w < 2; ++w) right[w] = word([&](int i) { return b[w * 16 + 4 * t + i][g]; });
                  int sums[4] = {5, 5, 5, 5};
                  multiply_bytes_16x8x32(sums, left, right);
                  for (int i = 0; i < 4; ++i) got[g + i / 2 * 8][2 * t + i % 2] = sums[i];
                },
                32),
            "");
  for (int row = 0; row < 16; ++row)
    for (int column = 0; column < 8; ++column) {
      int sum = 5;
      for (int k = 0; k < 32; ++k) sum += a[row][k] * b[k][column];
      EXPECT_EQ(got[row][column], sum);
    }
}

TEST_F(Emulator, ProductOfHalvesAgreesWithItsDefinition) {
  static float a[16][16], b[16][8], got[16][8];
  for (int i = 0; i < 16 * 16; ++i) (&a[0][0])[i] = static_cast<float>(i * 37 % 101 - 50) / 8;
  for (int i = 0; i < 16 * 8; ++i) (&b[0][0])[i] = static_cast<float>(i * 53 % 67 - 30) / 4;
  EXPECT_EQ(failure_of(
                [&] {
                  const int g = lane_index() / 4, t = lane_index() % 4;
                  uint32_t left[4], right[2];
                  for (int w = 0; w < 4; ++w) {
                    const float* row = &a[g + w % 2 * 8][w / 2 * 8 + 2 * t];
                    left[w] = floats_to_halves(row[0], row[1]);
                  }
                  for (int w = 0; w < 2; ++w) right[w] = floats_to_halves(b[w * 8 + 2 * t][g], b[w * 8 + 2 * t + 1][g]);
                  float sums[4] = {5, 5, 5, 5};
                  multiply_halves_16x8x16(sums, left, right);
                  for (int i = 0; i < 4; ++i) got[g + i / 2 * 8][2 * t + i % 2] = sums[i];
                },
                32),
            "");
  for (int row = 0; row < 16; ++row)
    for (int column = 0; column < 8; ++column) {
      float sum = 5;
      for (int k = 0; k < 16; ++k) sum += a[row][k] * b[k][column];  // exact
      EXPECT_EQ(got[row][column], sum);
    }
}

}  // namespace
}  // namespace paceline::cuda
