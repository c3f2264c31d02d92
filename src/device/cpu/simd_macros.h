#pragma once
// Functions of the vector vocabulary and of the policies must vanish into the kernels: registers are planned across them.
#define PACELINE_INLINE static inline __attribute__((always_inline))
#define PACELINE_INLINE_MEMBER inline __attribute__((always_inline))

namespace paceline::cpu {

// Tiles of up to this many rows are compiled. Sanitizers multiply the code of every load, so builds with them have the small tiles only
// (the same template, and by contract the same bits).
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr int kLargestTileBuilt = 2;
#else
inline constexpr int kLargestTileBuilt = 16;
#endif

}  // namespace paceline::cpu
