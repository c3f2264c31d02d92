#pragma once
// Tensors in ordinary memory, for the devices that compute on the CPU. Zeroed anonymous mappings: pages appear when first touched, so a
// KV slab for the whole context costs nothing until it is used, and first touch decides the NUMA node.
#include "device/tensor.h"

namespace paceline {

// Aligned to a page, or to `alignment`, a power of two. Throws Error when the system refuses.
std::unique_ptr<Allocation> allocate_host_bytes(size_t bytes, size_t alignment = 0);

// rows x cols, dense; Q8_0 rows are cols / 32 blocks of 34 bytes.
OwnedTensor allocate_host_tensor(DType dtype, int rows, int cols, size_t alignment = 0);

}  // namespace paceline
