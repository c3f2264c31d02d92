#pragma once
// Writes GGUF v3, streaming: declare metadata and tensors first, then give each tensor's bytes in that order, so that a 27B file
// needs no 27B of memory. finish() writes to `path` only when everything declared has been written (a `.part` file is renamed). A
// link is followed; what is there must be a regular file.
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "gguf/metadata.h"
#include "quant/format.h"

namespace paceline {

class GgufWriter {
 public:
  explicit GgufWriter(const std::string& path);
  // The unfinished file's name: for who removes it when a signal ends the program. Throws like the constructor.
  static std::string part_path(const std::string& path);
  ~GgufWriter();  // removes the unfinished file

  void add(std::string key, GgufValue value);
  void add_text(std::string key, std::string value);
  void add_u32(std::string key, uint32_t value);
  void add_f32(std::string key, float value);
  void add_bool(std::string key, bool value);
  void add_text_array(std::string key, std::vector<std::string> values);
  void add_i32_array(std::string key, const std::vector<int32_t>& values);

  void declare(std::string name, QuantType type, std::vector<int64_t> ne);
  // Bytes of the current tensor, in pieces; moves on to the next when it is full. The first call writes the header.
  void write(std::span<const std::byte> bytes);
  void finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace paceline
