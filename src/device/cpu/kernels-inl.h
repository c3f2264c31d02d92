// All kernels of an instruction set. Included after its vector vocabulary (simd_*.h), inside its namespace and target region.
// The order matters: each builds on those before it.
// clang-format off
#include "device/cpu/math-inl.h"
#include "device/cpu/elementwise-inl.h"
#include "device/cpu/attention-inl.h"
#include "device/cpu/delta_rule-inl.h"
#include "device/cpu/matmul-inl.h"
#include "device/cpu/formats/codes-inl.h"
#include "device/cpu/formats/simple-inl.h"
#include "device/cpu/formats/super-inl.h"
#include "device/cpu/table-inl.h"
// clang-format on
