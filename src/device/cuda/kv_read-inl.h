// Reading the cache (kv_layout.h) in each of its types. For .cu files.

namespace {

// K: the 16-byte pieces of one position's key. V: two neighbouring dimensions of one position's value.
struct F32Cache {
  static constexpr int kPieceValues = 4;
  static __device__ __forceinline__ void piece(float (&out)[4], const KvHead& head, int position, int piece, int dim) {
    const float4 values = load_wide<float4>(key_piece(head, position, piece, dim));
    out[0] = values.x, out[1] = values.y, out[2] = values.z, out[3] = values.w;
  }
  static __device__ __forceinline__ float2 pair(const KvHead& head, int position, int d, int dim) {
    return load_wide<float2>(head.codes + (int64_t{position} * dim + d) * 4);
  }
  static __device__ __forceinline__ const std::byte* key_piece(const KvHead& head, int position, int piece, int dim) {
    const int lane = position % kPanelPositions;
    return head.codes + int64_t{position - lane} * dim * 4 + (piece * kPanelPositions + lane) * kPieceBytes;
  }
};

struct F16Cache {
  static constexpr int kPieceValues = 8;
  static __device__ __forceinline__ void piece(float (&out)[8], const KvHead& head, int position, int piece, int dim) {
    const int lane = position % kPanelPositions;
    const uint4 words = load_wide<uint4>(head.codes + int64_t{position - lane} * dim * 2 +
                                         (piece * kPanelPositions + lane) * kPieceBytes);
    const unsigned word[4] = {words.x, words.y, words.z, words.w};
#pragma unroll
    for (int i = 0; i < 8; ++i) out[i] = half_to_float(static_cast<uint16_t>(word[i / 2] >> (i % 2 * 16)));
  }
  static __device__ __forceinline__ float2 pair(const KvHead& head, int position, int d, int dim) {
    const unsigned word = load_wide<unsigned>(head.codes + (int64_t{position} * dim + d) * 2);
    return make_float2(half_to_float(static_cast<uint16_t>(word)), half_to_float(static_cast<uint16_t>(word >> 16)));
  }
};

struct Q8_0Cache {
  static constexpr int kPieceValues = 16;
  static __device__ __forceinline__ void piece(float (&out)[16], const KvHead& head, int position, int piece, int dim) {
    const int lane = position % kPanelPositions, blocks = dim / kScaledDims;
    const uint4 words =
        load_wide<uint4>(head.codes + int64_t{position - lane} * dim + (piece * kPanelPositions + lane) * kPieceBytes);
    const unsigned word[4] = {words.x, words.y, words.z, words.w};
    const float scale =
        half_to_float(head.scales[int64_t{position - lane} * blocks + piece / 2 * kPanelPositions + lane]);
#pragma unroll
    for (int i = 0; i < 16; ++i) out[i] = static_cast<float>(static_cast<int8_t>(word[i / 4] >> (i % 4 * 8))) * scale;
  }
  static __device__ __forceinline__ float2 pair(const KvHead& head, int position, int d, int dim) {
    const auto* codes = reinterpret_cast<const int8_t*>(head.codes) + int64_t{position} * dim + d;
    const float scale = half_to_float(head.scales[int64_t{position} * (dim / kScaledDims) + d / kScaledDims]);
    return make_float2(static_cast<float>(codes[0]) * scale, static_cast<float>(codes[1]) * scale);
  }
};

}  // namespace
