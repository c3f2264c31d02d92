#pragma once
// A cursor over hostile bytes: nothing is read or allocated before it is known to be there. Messages name the file and the offset.
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/error.h"

namespace paceline {

class ByteReader {
 public:
  ByteReader(const std::string& source, std::span<const std::byte> bytes) : source_(source), bytes_(bytes) {}

  const std::string& source() const { return source_; }
  uint64_t offset() const { return offset_; }
  uint64_t remaining() const { return bytes_.size() - offset_; }

  std::span<const std::byte> take(uint64_t count, std::string_view what) {
    if (count > remaining())
      fail(source_, ": ends inside ", what, " at byte ", offset_, ": ", count, " bytes expected, ", remaining(),
           " left");
    const auto taken = bytes_.subspan(offset_, count);
    offset_ += count;
    return taken;
  }

  template <class Number>
    requires std::is_arithmetic_v<Number>
  Number number(std::string_view what) {
    Number value;
    std::memcpy(&value, take(sizeof value, what).data(), sizeof value);
    return value;
  }

  // A count of things that take at least `least_bytes` each in the rest of the file, and of which `at_most` are allowed.
  uint64_t count(std::string_view what, uint64_t least_bytes, uint64_t at_most) {
    const uint64_t start = offset_, value = number<uint64_t>(what);
    if (value > remaining() / least_bytes)
      fail(source_, ": ", what, " at byte ", start, " is ", value, ", more than the ", remaining(),
           " bytes left can hold");
    if (value > at_most) fail(source_, ": ", what, " at byte ", start, " is ", value, ", expected at most ", at_most);
    return value;
  }

  // A view; valid as long as the bytes.
  std::string_view text(std::string_view what) {
    const uint64_t length = number<uint64_t>(what);
    const auto taken = take(length, what);
    return {reinterpret_cast<const char*>(taken.data()), taken.size()};
  }

 private:
  const std::string& source_;
  std::span<const std::byte> bytes_;
  uint64_t offset_ = 0;
};

}  // namespace paceline
