#include "text/text_stream.h"

#include "base/utf8.h"

namespace paceline {

std::string TextStream::push_bytes(std::string_view bytes) {
  pending_ += bytes;
  const size_t complete = pending_.size() - incomplete_utf8_tail(pending_);
  std::string text = release(std::string_view(pending_).substr(0, complete));
  pending_.erase(0, complete);
  return text;
}

std::string TextStream::finish() {
  std::string text = release(pending_);
  pending_.clear();
  return text;
}

std::string TextStream::release(std::string_view bytes) const {
  return invalid_ == InvalidBytes::Keep ? std::string(bytes) : replace_invalid_utf8(bytes);
}

}  // namespace paceline
