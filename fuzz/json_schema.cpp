// Any JSON as a schema: refused with Error or compiled within limits; text that its masks lead to parses, and is valid for the schema.
#include "text/constrain/json_schema.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "text/constrain/matcher.h"
#include "text/constrain/schema_shapes.h"

namespace {

using namespace paceline;
using namespace paceline::constrain;

// A text of the grammar, chosen by the bytes of `choices`: "" when they do not suffice.
std::string written(const Grammar& grammar, std::string_view choices) {
  Matcher matcher(std::make_shared<const Grammar>(grammar));
  SetId set = matcher.start();
  std::string text;
  for (const char choice : choices) {
    if (matcher.can_end(set) && (choice & 1) != 0) return text;
    int byte = static_cast<uint8_t>(choice), tries = 0;
    while (matcher.step(set, static_cast<uint8_t>(byte)) == Matcher::kDead && ++tries < 256) byte = (byte + 1) % 256;
    if (tries == 256) return matcher.can_end(set) ? text : (PACELINE_ASSERT(false), "");
    set = matcher.step(set, static_cast<uint8_t>(byte));
    text += static_cast<char>(byte);
  }
  return matcher.can_end(set) ? text : "";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t cut = std::min(input.find('\0'), size);
  GrammarLimits limits;
  limits.states = 20'000;
  std::string text;
  try {
    const Json schema = Json::parse(input.substr(0, cut));
    text = written(compile_json_schema(schema, limits), input.substr(cut));
    if (text.empty()) return 0;
    SchemaShapes validator(schema, Objects::Open);
    const bool valid = validator.allows(validator.root_set(), Json::parse(text, "written"));
    PACELINE_ASSERT(valid);
  } catch (const Error& error) {
    // What the grammar writes is JSON but for numbers beyond a double.
    PACELINE_ASSERT(!std::string_view(error.what()).starts_with("written") ||
                    text.find_first_of("eE") != std::string::npos);
  }
  return 0;
}
