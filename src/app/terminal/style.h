#pragma once
// Colours: none unless the stream is a terminal that understands them and NO_COLOR is not set (no-color.org). Only attributes and the
// sixteen basic colours, so that light and dark themes both stay readable.
#include <string>
#include <string_view>

namespace paceline {

enum class Tone { Plain, Quiet, Draft, Prompt };
inline constexpr const char* kPlainTone = "\x1b[0m";

class Style {
 public:
  explicit Style(bool colours) : colours_(colours) {}
  // For a stream (1 or 2).
  static Style of_stream(int descriptor);

  bool has_colours() const { return colours_; }
  // Switches to the tone from any other.
  std::string_view sequence(Tone tone) const;
  std::string paint(Tone tone, std::string_view text) const;

 private:
  bool colours_;
};

}  // namespace paceline
