#pragma once
// A view of rows x cols values in a device's memory. Rows are tokens, columns are features; `stride` counts elements from one row
// to the next, so a slice of columns is a Tensor too. The memory belongs to an OwnedTensor (a device allocation) that outlives it.
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/error.h"

namespace paceline {

enum class DType : uint8_t { F32, F16, I32, Q8_0 };  // Q8_0: KV cache only, 34 bytes for 32 values

struct Tensor {
  void* data = nullptr;
  DType dtype = DType::F32;
  int rows = 0, cols = 0;
  int64_t stride = 0;  // elements

  float* f32(int row = 0) const {
    PACELINE_ASSERT(dtype == DType::F32);
    return static_cast<float*>(data) + row * stride;
  }
  int32_t* i32(int row = 0) const {
    PACELINE_ASSERT(dtype == DType::I32);
    return static_cast<int32_t*>(data) + row * stride;
  }
  // Four-byte values, whichever they are.
  void* words(int row = 0) const {
    PACELINE_ASSERT(dtype == DType::F32 || dtype == DType::I32);
    return static_cast<int32_t*>(data) + row * stride;
  }
  // Rows [first, first + count).
  Tensor row_range(int first, int count) const;
  // Columns [first, first + count) of every row.
  Tensor columns(int first, int count) const;
  // The same values seen as rows * heads rows of head_dim: row r, head h becomes row r * heads + h. The columns of a row must be
  // `heads` groups, `pitch` apart (0: head_dim), and rows must follow each other without a gap.
  Tensor as_heads(int heads, int head_dim, int pitch = 0) const;
};

// Device memory that frees itself.
class Allocation {
 public:
  virtual ~Allocation() = default;
  virtual void* data() const = 0;
};

struct OwnedTensor : Tensor {
  std::unique_ptr<Allocation> memory;
};

}  // namespace paceline
