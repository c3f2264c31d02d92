#pragma once
// The valid files that mutants are made of, and where the numbers and sections of their headers lie.
#include <cstddef>
#include <string>
#include <vector>

namespace paceline::test {

struct Range {
  size_t begin = 0, size = 0;
};

struct Seed {
  std::string name, bytes;
  std::vector<Range> numbers;   // every count, length, type, extent, offset and value; 1 to 8 bytes each
  std::vector<Range> entries;   // whole key-value pairs
  std::vector<Range> tensors;   // whole tensor infos
  size_t header_bytes = 0;
};

// A small file with every value type and every tensor type, and the given models.
std::vector<Seed> make_seeds(const std::vector<std::string>& model_paths);

// A valid file with as many strings, numbers, keys and tensors as the reader takes: the most memory for the least file.
std::string largest_file();

}  // namespace paceline::test
