#pragma once
// One GGUF file (or part of a split set) out of its bytes. Private to this folder: reader.h is the door.
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "gguf/metadata.h"
#include "gguf/reader.h"

namespace paceline {

// How much a file, with all its parts, may make us allocate beyond its own size. An empty string takes 8 bytes in the file and 32 in
// memory, a key 13 and about 110, a tensor 33 and about 190: with these limits that is less than 45 MiB. Real files: 800,000 strings,
// 100 keys, 2,000 tensors.
struct GgufBudget {
  uint64_t strings = 1 << 20;
  uint64_t keys = 1 << 14;
  uint64_t tensors = 1 << 16;
};

struct GgufPart {
  explicit GgufPart(const std::string& source) : metadata(source) {}
  int version = 0;
  uint64_t alignment = 32;
  Metadata metadata;
  std::vector<GgufTensor>
      tensors;  // file order; bytes lie inside the parsed span, do not overlap and fit type and shape
};

GgufPart parse_gguf(const std::string& source, std::span<const std::byte> bytes, GgufBudget& budget);

}  // namespace paceline
