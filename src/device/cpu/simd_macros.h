#pragma once
// Functions of the vector vocabulary and of the policies must vanish into the kernels: registers are planned across them.
#define PACELINE_INLINE static inline __attribute__((always_inline))
#define PACELINE_INLINE_MEMBER inline __attribute__((always_inline))
