#pragma once
// Builds GGUF files byte by byte, so that every number in them can be wrong. Independent of the writer in src/gguf.
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

namespace paceline::test {

struct RawTensor {
  std::string name;
  std::vector<int64_t> ne;
  uint32_t type = 0;
  uint64_t offset = 0;
};

// Fields are public and written as they are; data_bytes zeros follow the padded header.
struct RawGguf {
  std::string magic = "GGUF";
  uint32_t version = 3;
  std::vector<std::string> entries;  // made by the functions below
  std::vector<RawTensor> tensors;
  std::optional<int64_t> tensor_count, key_count;  // other than the true ones
  size_t alignment = 32, data_bytes = 0;

  std::string bytes() const {
    std::string out = magic;
    put(out, version);
    put(out, tensor_count.value_or(static_cast<int64_t>(tensors.size())));
    put(out, key_count.value_or(static_cast<int64_t>(entries.size())));
    for (const std::string& entry : entries) out += entry;
    for (const RawTensor& tensor : tensors) {
      out += text(tensor.name);
      put(out, static_cast<uint32_t>(tensor.ne.size()));
      for (const int64_t extent : tensor.ne) put(out, extent);
      put(out, tensor.type);
      put(out, tensor.offset);
    }
    out.resize((out.size() + alignment - 1) / alignment * alignment);
    out.resize(out.size() + data_bytes);
    return out;
  }

  template <class Number>
  static void put(std::string& out, Number value) {
    char raw[sizeof value];
    std::memcpy(raw, &value, sizeof value);
    out.append(raw, sizeof value);
  }
  template <class Number>
  static std::string number(Number value) {
    std::string out;
    put(out, value);
    return out;
  }
  static std::string text(const std::string& value) { return number(static_cast<uint64_t>(value.size())) + value; }
  static std::string entry(const std::string& key, uint32_t type, const std::string& value) {
    return text(key) + number(type) + value;
  }
  static std::string array(uint32_t type, uint64_t count, const std::string& elements) {
    return number(type) + number(count) + elements;
  }
};

// A file in the test's own temporary folder that goes away with this object.
class TemporaryFile {
 public:
  TemporaryFile(const std::string& path, const std::string& bytes) : path_(path) {
    std::ofstream(path_, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() { std::remove(path_.c_str()); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace paceline::test
