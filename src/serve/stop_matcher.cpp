#include "serve/stop_matcher.h"

#include <algorithm>
#include <utility>

namespace paceline {

std::string StopMatcher::push(std::string_view text) {
  if (!found_.empty()) return "";
  held_ += text;
  size_t at = std::string::npos;
  for (const std::string& stop : stops_) {
    if (stop.empty()) continue;
    const size_t here = held_.find(stop);
    if (here < at) at = here, found_ = stop;
  }
  const size_t settled = at != std::string::npos ? at : held_.size() - undecided();
  std::string out = held_.substr(0, settled);
  if (at != std::string::npos) held_.clear();
  else held_.erase(0, settled);
  return out;
}

std::string StopMatcher::finish() { return std::exchange(held_, ""); }

// The longest end of the text that begins a stop string.
size_t StopMatcher::undecided() const {
  size_t longest = 0;
  for (const std::string& stop : stops_)
    for (size_t length = std::min(stop.size(), held_.size()); length > longest; --length)
      if (std::string_view(held_).ends_with(std::string_view(stop).substr(0, length))) longest = length;
  return longest;
}

}  // namespace paceline
