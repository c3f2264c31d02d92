#pragma once
// Memory of packed weights. A model has hundreds of matrices of a megabyte or two, and a mapping of its own for each leaves most of them in
// small pages (0.8B: 248 of 643 MiB were in huge ones); laid side by side in large aligned chunks, nearly all are in huge ones.
#include <cstddef>
#include <memory>

#include "device/tensor.h"

namespace paceline::cpu {

// Zeroed bytes at a multiple of the page size. What is freed goes back to the system at once, its addresses to the next weight. Throws
// Error when the system refuses. Safe from any thread.
std::unique_ptr<Allocation> allocate_weight_bytes(size_t bytes);

}  // namespace paceline::cpu
