#pragma once
// Reads GGUF v2/v3 files (spec section 10): memory-mapped, split files as one. Every number in the file is hostile until checked;
// after open() returns, every tensor's bytes lie inside the mapping, aligned, non-overlapping and of the size its type and shape
// say. Allocates no more than the file's size + 64 MiB.
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "gguf/metadata.h"
#include "quant/format.h"

namespace paceline {

struct GgufTensor {
  std::string name;
  QuantType type = QuantType::F32;
  std::vector<int64_t> ne;  // 1 to 4 extents, fastest-varying first, each >= 1
  std::span<const std::byte> bytes;

  int64_t cols() const { return ne[0]; }
  int64_t rows() const;  // product of the other extents
  std::string shape() const;  // "4096x2048", outermost last, for messages
};

class GgufFile {
 public:
  // `path` is the file, or the first of a split set (`-00001-of-0000N.gguf`). Throws Error naming the file and the fault.
  static GgufFile open(const std::string& path);
  // A single file that lies in memory, which must outlive the result; `name` is for messages.
  static GgufFile from_bytes(const std::string& name, std::span<const std::byte> bytes);
  GgufFile(GgufFile&&) noexcept;
  GgufFile& operator=(GgufFile&&) noexcept;
  ~GgufFile();

  const std::string& path() const;
  int version() const;
  uint64_t alignment() const;
  uint64_t file_bytes() const;  // all parts together
  const Metadata& metadata() const;
  std::span<const GgufTensor> tensors() const;  // file order
  const GgufTensor* find(std::string_view name) const;

  // Hints about a tensor's pages: will be read soon / has been copied and is not needed again.
  void will_need(const GgufTensor& tensor) const;
  void done_with(const GgufTensor& tensor) const;

 private:
  struct Contents;
  explicit GgufFile(std::unique_ptr<Contents> contents);
  std::unique_ptr<Contents> contents_;
};

// The name of the type that most of the weights' bytes are in: "Q4_K"; "" without tensors.
std::string main_quantization(const GgufFile& file);

}  // namespace paceline
