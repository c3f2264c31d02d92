#include "text/jinja/printing.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/utf8.h"
#include "text/jinja/characters.h"
#include "text/jinja/loop.h"
#include "text/jinja/operators.h"

namespace paceline::jinja {

std::string integer_text(Integer value) {
  using Unsigned = unsigned __int128;
  Unsigned rest = value < 0 ? -static_cast<Unsigned>(value) : static_cast<Unsigned>(value);
  std::string digits;
  do {
    digits += static_cast<char>('0' + static_cast<int>(rest % 10));
    rest /= 10;
  } while (rest != 0);
  if (value < 0) digits += '-';
  std::reverse(digits.begin(), digits.end());
  return digits;
}

std::string float_text(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific).ptr;
  const std::string_view scientific(buffer, static_cast<size_t>(end - buffer));
  const size_t e = scientific.find('e');
  int exponent = 0;
  const size_t sign = scientific[e + 1] == '+' ? 1 : 0;
  std::from_chars(scientific.data() + e + 1 + sign, end, exponent);
  if (exponent < -4 || exponent >= 16) return std::string(scientific);  // two exponent digits at least, as in Python
  std::string fixed_digits(buffer, std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed).ptr);
  if (fixed_digits.find('.') == std::string::npos) fixed_digits += ".0";
  return fixed_digits;
}

void append_text_repr(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  const bool double_quotes = text.find('\'') != std::string_view::npos && text.find('"') == std::string_view::npos;
  const char quote = double_quotes ? '"' : '\'';
  out += quote;
  for (size_t byte = 0; byte < text.size();) {
    const size_t begin = byte;
    const uint32_t code_point = next_code_point(text, byte);
    if (code_point == static_cast<uint8_t>(quote) || code_point == '\\') {
      out += '\\';
      out += static_cast<char>(code_point);
    } else if (code_point == '\n') {
      out += "\\n";
    } else if (code_point == '\r') {
      out += "\\r";
    } else if (code_point == '\t') {
      out += "\\t";
    } else if (code_point == ' ' || is(CharacterClass::Printable, code_point)) {
      out.append(text.substr(begin, byte - begin));
    } else {
      const int digits = code_point < 0x100 ? 2 : code_point < 0x10000 ? 4 : 8;
      out += digits == 2 ? "\\x" : digits == 4 ? "\\u" : "\\U";
      for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) out += kHex[(code_point >> shift) & 15];
    }
  }
  out += quote;
}

namespace {

class ReprWriter {
 public:
  explicit ReprWriter(Budget& budget) : budget_(budget) {}

  void write(const Value& value) {
    const Depth depth(budget_);
    switch (value.kind()) {
      case Kind::Undefined: out_ += "Undefined"; break;
      case Kind::None: out_ += "None"; break;
      case Kind::Bool: out_ += value.boolean() ? "True" : "False"; break;
      case Kind::Int: out_ += integer_text(value.integer()); break;
      case Kind::Float: out_ += float_text(value.number()); break;
      case Kind::Text: write_text(value); break;
      case Kind::Sequence: write_sequence(*value.sequence()); break;
      case Kind::Dict: write_entries(value.dict()->entries); break;
      case Kind::Generator: out_ += cat("<", value.generator()->type_name, " object>"); break;
      case Kind::Function: out_ += value.function()->described(); break;
      case Kind::Namespace: write_namespace(*value.name_space()); break;
      case Kind::Loop: out_ += value.loop()->described(); break;
    }
    budget_.reserve(out_.size());
  }

  std::string take() { return std::move(out_); }

 private:
  void write_text(const Value& value) {
    budget_.work(value.text().size());
    if (value.is_markup()) out_ += "Markup(";
    append_text_repr(out_, value.text());
    if (value.is_markup()) out_ += ')';
  }

  void write_sequence(const SequenceData& data) {
    if (data.kind == SequenceKind::Range) {
      out_ += cat("range(", integer_text(data.start), ", ", integer_text(data.stop));
      if (data.step != 1) out_ += cat(", ", integer_text(data.step));
      out_ += ')';
      return;
    }
    static constexpr const char* kOpen[] = {"[", "(", "(", "", "dict_keys([", "dict_values([", "dict_items(["};
    static constexpr const char* kClose[] = {"]", ")", ")", "", "])", "])", "])"};
    const auto kind = static_cast<size_t>(data.kind);
    out_ += kOpen[kind];
    for (size_t i = 0; i < data.items.size(); ++i) {
      if (i > 0) out_ += ", ";
      write(data.items[i]);
    }
    if (data.items.size() == 1 && kOpen[kind][0] == '(') out_ += ',';
    out_ += kClose[kind];
  }

  void write_entries(const Entries& entries) {
    out_ += '{';
    bool first = true;
    for (const auto& [key, value] : entries.all()) {
      if (!first) out_ += ", ";
      first = false;
      write(key);
      out_ += ": ";
      write(value);
    }
    out_ += '}';
  }

  void write_namespace(const NamespaceData& data) {
    out_ += "<Namespace ";
    write_entries(data.entries);
    out_ += '>';
  }

  Budget& budget_;
  std::string out_;
};

}  // namespace

std::string to_repr(Budget& budget, const Value& value) {
  ReprWriter writer(budget);
  writer.write(value);
  return writer.take();
}

std::string to_text(Budget& budget, const Value& value) {
  if (value.is(Kind::Text)) return value.text();
  if (value.is(Kind::Undefined)) return "";
  return to_repr(budget, value);
}

}  // namespace paceline::jinja
