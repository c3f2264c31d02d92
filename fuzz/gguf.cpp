// Any bytes as a GGUF file: refused with Error, or every value can be touched and every tensor decoded.
#include <cstddef>
#include <cstdint>

#include "gguf/mutation/visit.h"
#include "gguf/reader.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const auto file = paceline::GgufFile::from_bytes("fuzz", {reinterpret_cast<const std::byte*>(data), size});
    paceline::test::read_everything(file);
    return 0;
  } catch (const paceline::Error&) {
    return 0;  // refused
  }
}
