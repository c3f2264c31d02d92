// Any output in any format: cut into pieces it parses to the same events as whole, and a text without tags comes back.
#include "text/output_parser.h"

#include <cstdint>
#include <string_view>

#include "base/error.h"

namespace {

using namespace paceline;
using Events = std::vector<OutputEvent>;

void join(Events& events, Events more) {
  for (OutputEvent& event : more) {
    const bool same = !events.empty() && events.back().kind == event.kind && event.kind != OutputEvent::Kind::Call;
    if (same) events.back().text += event.text;
    else events.push_back(std::move(event));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  if (size == 0) return 0;
  const uint8_t flags = bytes[0];
  const std::string_view text(reinterpret_cast<const char*>(bytes) + 1, size - 1);
  OutputFormat format;
  format.starts_in_reasoning = (flags & 1) != 0;
  format.reasoning = (flags & 2) != 0;
  format.tool_calls = (flags & 4) != 0;
  format.schemas =
      ToolSchemas(Json::parse(R"([{"name": "f", "parameters": {"properties": {"a": {"type": "integer"}}}}])"));
  OutputParser whole(format), cut(format);
  Events expected, events;
  join(expected, whole.push(text));
  join(expected, whole.finish());
  uint32_t random = flags;
  for (size_t at = 0; at < text.size();) {
    random = random * 1664525 + 1013904223;
    const std::string_view part = text.substr(at, 1 + (random >> 28));
    join(events, cut.push(part));
    at += part.size();
  }
  join(events, cut.finish());
  PACELINE_ASSERT(events == expected);
  if (text.find('<') == std::string_view::npos && !format.starts_in_reasoning && !text.empty()) {
    PACELINE_ASSERT(events.size() == 1 && events[0].kind == OutputEvent::Kind::Answer && events[0].text == text);
  }
  return 0;
}
