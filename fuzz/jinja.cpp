// Any template: it renders or fails with an Error within its limits, gives valid UTF-8, and the same again the second time.
#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/json.h"
#include "base/utf8.h"
#include "text/jinja/template.h"

namespace {

using namespace paceline;

jinja::Limits small_limits() {
  jinja::Limits limits;
  limits.steps = 100'000;
  limits.memory_bytes = size_t{8} << 20;
  limits.output_bytes = size_t{1} << 20;
  return limits;
}

// The output, or the error with its kind.
std::string outcome(std::string_view source, const Json& context) {
  try {
    const std::string output = jinja::Template::parse(source, small_limits()).render(context, std::tm{});
    PACELINE_ASSERT(is_valid_utf8(output));
    return output;
  } catch (const jinja::TemplateFailure& failure) {
    return failure.what();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  static const Json kContext = Json::parse(
      R"({"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hé \u4e16"},
          {"role": "assistant", "content": null, "tool_calls": [{"function": {"name": "f", "arguments": {"a": [1, 2.5, null]}}}]}],
          "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
          "add_generation_prompt": true, "bos_token": "<s>", "s": "Hello, World", "u": "Ünïcödé 🌍", "n": 7, "f": 2.5,
          "l": [3, 1, 2], "d": {"b": 1, "a": [1, {"x": null}]}, "rows": [{"n": "x", "v": 3}, {"n": "y"}]})");
  const std::string_view source(reinterpret_cast<const char*>(bytes), size);
  PACELINE_ASSERT(outcome(source, kContext) == outcome(source, kContext));
  return 0;
}
