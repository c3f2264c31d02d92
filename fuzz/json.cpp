// Any bytes as JSON: refused with Error, or what was read survives writing and reading again, on one line and indented. The same bytes
// as text: repairing makes valid UTF-8, and changes nothing that was valid.
#include "base/json.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/utf8.h"

namespace {

void check_utf8(std::string_view text) {
  const std::string repaired = paceline::replace_invalid_utf8(text);
  PACELINE_ASSERT(paceline::is_valid_utf8(repaired));
  PACELINE_ASSERT(paceline::is_valid_utf8(text) == (repaired == text));
  const size_t tail = paceline::incomplete_utf8_tail(text);
  PACELINE_ASSERT(tail <= 3 && tail <= text.size());
  PACELINE_ASSERT(tail == 0 || !paceline::is_valid_utf8(text));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_utf8(text);
  try {
    const paceline::Json json = paceline::Json::parse(text);
    const std::string line = json.dump();
    PACELINE_ASSERT(paceline::Json::parse(line) == json);
    PACELINE_ASSERT(paceline::Json::parse(line).dump() == line);
    PACELINE_ASSERT(paceline::Json::parse(json.dump(2)) == json);
    return 0;
  } catch (const paceline::Error&) {
    return 0;  // refused
  }
}
