#include "cuda_emulator/warp.h"

#include <cmath>
#include <cstring>

#include "quant/f16.h"

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

void match(LaneWords* (&lanes)[kWarpLanes]) {
  for (LaneWords* lane : lanes) {
    if (lane == nullptr) continue;
    lane->out[0] = 0;
    for (int i = 0; i < kWarpLanes; ++i)
      if (lanes[i] != nullptr && lanes[i]->in[0] == lane->in[0]) lane->out[0] |= 1u << i;
  }
}

void synchronise(LaneWords* (&)[kWarpLanes]) {}

namespace {

int byte_of(uint32_t word, int i) { return static_cast<int8_t>(word >> (8 * i)); }

// The words of a lane: a[4], b[2], sums[4]. Rows of a and columns of b are laid out one after the other, so that a sum is over neighbours.
void multiply_bytes(LaneWords* (&lanes)[kWarpLanes]) {
  int8_t a[16][32], b[8][32];
  for (int l = 0; l < kWarpLanes; ++l) {
    const int g = l / 4, t = l % 4;
    for (int word = 0; word < 4; ++word)
      std::memcpy(&a[g + word % 2 * 8][word / 2 * 16 + 4 * t], &lanes[l]->in[word], 4);
    for (int word = 0; word < 2; ++word) std::memcpy(&b[g][word * 16 + 4 * t], &lanes[l]->in[4 + word], 4);
  }
  for (int l = 0; l < kWarpLanes; ++l)
    for (int i = 0; i < 4; ++i) {
      const int8_t *row = a[l / 4 + i / 2 * 8], *column = b[l % 4 * 2 + i % 2];
      int sum = 0;
      for (int k = 0; k < 32; ++k) sum += row[k] * column[k];
      lanes[l]->out[i] = lanes[l]->in[6 + i] + static_cast<uint32_t>(sum);
    }
}

// The same words, of 16-bit floats. How a tensor core rounds the sum of 16 products is not documented; here one is added after the other.
template <float (*kToFloat)(uint16_t)>
void multiply_sixteen_bits(LaneWords* (&lanes)[kWarpLanes]) {
  float a[16][16], b[8][16];
  const auto spread = [](float* to, uint32_t word) {
    to[0] = kToFloat(static_cast<uint16_t>(word)), to[1] = kToFloat(static_cast<uint16_t>(word >> 16));
  };
  for (int l = 0; l < kWarpLanes; ++l) {
    const int g = l / 4, t = l % 4;
    for (int word = 0; word < 4; ++word) spread(&a[g + word % 2 * 8][word / 2 * 8 + 2 * t], lanes[l]->in[word]);
    for (int word = 0; word < 2; ++word) spread(&b[g][word * 8 + 2 * t], lanes[l]->in[4 + word]);
  }
  for (int l = 0; l < kWarpLanes; ++l)
    for (int i = 0; i < 4; ++i) {
      const float *row = a[l / 4 + i / 2 * 8], *column = b[l % 4 * 2 + i % 2];
      auto sum = std::bit_cast<float>(lanes[l]->in[6 + i]);
      for (int k = 0; k < 16; ++k) sum = std::fma(row[k], column[k], sum);
      lanes[l]->out[i] = std::bit_cast<uint32_t>(sum);
    }
}

// A product of the whole warp: a lane's words of a, b and sums.
template <class T>
void meet_for_product(void (*product)(LaneWords* (&)[kWarpLanes]), const char* name, T (&sums)[4],
                      const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  uint32_t words[10], result[4];
  for (int i = 0; i < 4; ++i) words[i] = a[i], words[6 + i] = std::bit_cast<uint32_t>(sums[i]);
  words[4] = b[0], words[5] = b[1];
  meet_warp(product, name, 0xffffffffu, words, 10, result);
  for (int i = 0; i < 4; ++i) sums[i] = std::bit_cast<T>(result[i]);
}

}  // namespace

int dot_bytes(int a, int b, int sum) {
  for (int i = 0; i < 4; ++i) sum += byte_of(static_cast<uint32_t>(a), i) * byte_of(static_cast<uint32_t>(b), i);
  return sum;
}

void multiply_bytes_16x8x32(int (&sums)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  meet_for_product(multiply_bytes, "the byte product", sums, a, b);
}

void multiply_halves_16x8x16(float (&sums)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  meet_for_product(multiply_sixteen_bits<paceline::half_to_float>, "the product of halves", sums, a, b);
}

void multiply_bfloats_16x8x16(float (&sums)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  meet_for_product(multiply_sixteen_bits<paceline::bfloat16_to_float>, "the product of bfloat16", sums, a, b);
}

}  // namespace cuda_emulator

unsigned __ballot_sync(unsigned mask, int predicate) {
  const uint32_t word = predicate != 0;
  uint32_t result[4];
  cuda_emulator::meet_warp(cuda_emulator::ballot, "__ballot_sync", mask, &word, 1, result);
  return result[0];
}

unsigned __match_any_sync(unsigned mask, int value) {
  const auto word = static_cast<uint32_t>(value);
  uint32_t result[4];
  cuda_emulator::meet_warp(cuda_emulator::match, "__match_any_sync", mask, &word, 1, result);
  return result[0];
}

void __syncwarp(unsigned mask) {
  uint32_t result[4];
  cuda_emulator::meet_warp(cuda_emulator::synchronise, "__syncwarp", mask, nullptr, 0, result);
}

// Threads of a block run one at a time, so plain arithmetic is atomic.
int atomicAdd(int* at, int value) {
  cuda_emulator::note_access(at, sizeof *at, cuda_emulator::Access::Atomic);
  const int before = *at;
  *at += value;
  return before;
}
