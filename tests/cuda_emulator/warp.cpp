#include "cuda_emulator/warp.h"

namespace cuda_emulator {

void shuffle(LaneWords* (&lanes)[kWarpLanes]) {
  for (LaneWords* lane : lanes) {
    if (lane == nullptr) continue;
    const uint32_t source = lane->in[1];
    if (source >= kWarpLanes || lanes[source] == nullptr)
      violate("a shuffle reads lane " + std::to_string(source) + ", which does not take part");
    lane->out[0] = lanes[source]->in[0];
  }
}

void ballot(LaneWords* (&lanes)[kWarpLanes]) {
  uint32_t votes = 0;
  for (int i = 0; i < kWarpLanes; ++i)
    if (lanes[i] != nullptr && lanes[i]->in[0] != 0) votes |= 1u << i;
  for (LaneWords* lane : lanes)
    if (lane != nullptr) lane->out[0] = votes;
}

void synchronise(LaneWords* (&)[kWarpLanes]) {}

namespace {

int byte_of(uint32_t word, int i) { return static_cast<int8_t>(word >> (8 * i)); }

// The words of a lane: a[4], b[2], sums[4].
void multiply(LaneWords* (&lanes)[kWarpLanes]) {
  int a[16][32], b[32][8];
  for (int l = 0; l < kWarpLanes; ++l)
    for (int i = 0; i < 4; ++i) {
      const int g = l / 4, t = l % 4;
      for (int word = 0; word < 4; ++word)
        a[g + word % 2 * 8][word / 2 * 16 + 4 * t + i] = byte_of(lanes[l]->in[word], i);
      for (int word = 0; word < 2; ++word) b[word * 16 + 4 * t + i][g] = byte_of(lanes[l]->in[4 + word], i);
    }
  for (int l = 0; l < kWarpLanes; ++l)
    for (int i = 0; i < 4; ++i) {
      const int row = l / 4 + i / 2 * 8, column = l % 4 * 2 + i % 2;
      uint32_t sum = lanes[l]->in[6 + i];
      for (int k = 0; k < 32; ++k) sum += static_cast<uint32_t>(a[row][k] * b[k][column]);
      lanes[l]->out[i] = sum;
    }
}

}  // namespace

int dot_bytes(int a, int b, int sum) {
  for (int i = 0; i < 4; ++i) sum += byte_of(static_cast<uint32_t>(a), i) * byte_of(static_cast<uint32_t>(b), i);
  return sum;
}

void multiply_bytes_16x8x32(int (&sums)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  uint32_t words[10], result[4];
  for (int i = 0; i < 4; ++i) words[i] = a[i], words[6 + i] = static_cast<uint32_t>(sums[i]);
  words[4] = b[0], words[5] = b[1];
  meet_warp(multiply, "the byte product", 0xffffffffu, words, 10, result);
  for (int i = 0; i < 4; ++i) sums[i] = static_cast<int>(result[i]);
}

}  // namespace cuda_emulator

unsigned __ballot_sync(unsigned mask, int predicate) {
  const uint32_t word = predicate != 0;
  uint32_t result[4];
  cuda_emulator::meet_warp(cuda_emulator::ballot, "__ballot_sync", mask, &word, 1, result);
  return result[0];
}

void __syncwarp(unsigned mask) {
  uint32_t result[4];
  cuda_emulator::meet_warp(cuda_emulator::synchronise, "__syncwarp", mask, nullptr, 0, result);
}
