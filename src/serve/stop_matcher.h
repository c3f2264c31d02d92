#pragma once
// Stop strings in streamed text: hands on what can no longer be part of one, and ends at the first that is complete.
#include <string>
#include <string_view>
#include <vector>

namespace paceline {

class StopMatcher {
 public:
  explicit StopMatcher(std::vector<std::string> stops) : stops_(std::move(stops)) {}
  // The text that is settled after `text`. Nothing more comes once a stop string was found.
  std::string push(std::string_view text);
  // What was held back, at the end of the text.
  std::string finish();
  // Complete, "" as long as none is.
  const std::string& found() const { return found_; }

 private:
  size_t undecided() const;

  std::vector<std::string> stops_;
  std::string held_, found_;
};

}  // namespace paceline
