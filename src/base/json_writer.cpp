// Json::dump: shortest digits that read back as the same double, strings made valid UTF-8.
#include <charconv>
#include <cmath>

#include "base/json.h"
#include "base/utf8.h"

namespace paceline {

class JsonWriter {
 public:
  explicit JsonWriter(int indent) : indent_(indent) {}

  void write(const Json& json) {
    if (const auto* value = std::get_if<bool>(&json.value_)) out_ += *value ? "true" : "false";
    else if (const auto* integer = std::get_if<int64_t>(&json.value_)) out_ += cat(*integer);
    else if (const auto* large = std::get_if<uint64_t>(&json.value_)) out_ += cat(*large);
    else if (const auto* number = std::get_if<double>(&json.value_)) write_double(*number);
    else if (const auto* text = std::get_if<std::string>(&json.value_)) write_string(*text);
    else if (const auto* array = std::get_if<Json::Array>(&json.value_)) write_array(*array);
    else if (const auto* object = std::get_if<JsonObject>(&json.value_)) write_object(*object);
    else out_ += "null";
  }

  std::string take() { return std::move(out_); }

 private:
  void write_double(double value) {
    if (!std::isfinite(value)) {
      out_ += "null";
      return;
    }
    const std::string digits = cat(value);
    out_ += digits;
    if (digits.find_first_of(".e") == std::string::npos) out_ += ".0";  // stays a double when it is read back
  }

  void write_string(std::string_view text) {
    out_ += '"';
    if (is_valid_utf8(text)) write_escaped(text);
    else write_escaped(replace_invalid_utf8(text));
    out_ += '"';
  }

  void write_escaped(std::string_view text) {
    for (const char c : text) {
      static constexpr std::string_view kNames = "\"\\bfnrt", kMeanings = "\"\\\b\f\n\r\t";
      const size_t which = kMeanings.find(c);
      if (which != std::string_view::npos) {
        out_ += '\\';
        out_ += kNames[which];
      } else if (static_cast<uint8_t>(c) < 0x20) {
        static constexpr char kHex[] = "0123456789abcdef";
        out_ += "\\u00";
        out_ += kHex[c >> 4];
        out_ += kHex[c & 15];
      } else {
        out_ += c;
      }
    }
  }

  void write_array(const Json::Array& values) {
    out_ += '[';
    for (size_t i = 0; i < values.size(); ++i) {
      start_item(i);
      write(values[i]);
    }
    end_items(values.size(), ']');
  }

  void write_object(const JsonObject& object) {
    out_ += '{';
    for (size_t i = 0; i < object.size(); ++i) {
      start_item(i);
      write_string(object.members()[i].key);
      out_ += indent_ < 0 ? ":" : ": ";
      write(object.members()[i].value);
    }
    end_items(object.size(), '}');
  }

  void start_item(size_t index) {
    if (index == 0) ++level_;
    else out_ += ',';
    new_line();
  }

  void end_items(size_t count, char close) {
    if (count > 0) {
      --level_;
      new_line();
    }
    out_ += close;
  }

  void new_line() {
    if (indent_ < 0) return;
    out_ += '\n';
    out_.append(static_cast<size_t>(indent_ * level_), ' ');
  }

  std::string out_;
  int indent_, level_ = 0;
};

std::string Json::dump(int indent) const {
  JsonWriter writer(indent);
  writer.write(*this);
  return writer.take();
}

}  // namespace paceline
