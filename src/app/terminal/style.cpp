#include "app/terminal/style.h"

#include <unistd.h>

#include <cstdlib>

#include "app/terminal/terminal.h"
#include "base/strings.h"

namespace paceline {

Style Style::of_stream(int descriptor) {
  const char* no_color = std::getenv("NO_COLOR");
  return Style(::isatty(descriptor) == 1 && has_cursor_control() && (no_color == nullptr || no_color[0] == '\0'));
}

std::string_view Style::sequence(Tone tone) const {
  if (!colours_) return "";
  switch (tone) {
    case Tone::Plain: return kPlainTone;
    case Tone::Quiet: return "\x1b[0;2m";
    case Tone::Draft: return "\x1b[0;32m";
    case Tone::Prompt: return "\x1b[0;1m";
  }
  return "";
}

std::string Style::paint(Tone tone, std::string_view text) const {
  return text.empty() ? "" : cat(sequence(tone), text, sequence(Tone::Plain));
}

}  // namespace paceline
