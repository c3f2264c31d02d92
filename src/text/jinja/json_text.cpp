// json.dumps as the tojson filter of chat templates calls it.
#include <algorithm>
#include <cmath>

#include "text/jinja/characters.h"
#include "text/jinja/operators.h"
#include "text/jinja/printing.h"

namespace paceline::jinja {

namespace {

class JsonTextWriter {
 public:
  JsonTextWriter(Budget& budget, const JsonStyle& style) : budget_(budget), style_(style) {}

  void write(const Value& value) {
    const Depth depth(budget_);
    if (value.is(Kind::Text)) write_text(value.text());
    else if (value.is(Kind::None)) out_ += "null";
    else if (value.is(Kind::Bool)) out_ += value.boolean() ? "true" : "false";
    else if (value.is(Kind::Int)) out_ += integer_text(value.integer());
    else if (value.is(Kind::Float)) out_ += number(value.number());
    else if (value.is(Kind::Dict)) write_dict(value.dict()->entries);
    else if (is_array(value)) write_array(value.sequence()->items);
    else raise("TypeError", "Object of type ", type_name(value), " is not JSON serializable");
    budget_.reserve(out_.size());
  }

  std::string take() { return std::move(out_); }

 private:
  static bool is_array(const Value& value) {
    return value.is_sequence(SequenceKind::List) || value.is_sequence(SequenceKind::Tuple) ||
           value.is_sequence(SequenceKind::Group);
  }

  static std::string number(double value) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
    return float_text(value);
  }

  void write_unit(uint32_t unit) {
    static constexpr char kHex[] = "0123456789abcdef";
    out_ += "\\u";
    for (int shift = 12; shift >= 0; shift -= 4) out_ += kHex[(unit >> shift) & 15];
  }

  void write_text(std::string_view text) {
    budget_.work(text.size());
    out_ += '"';
    for (size_t byte = 0; byte < text.size();) {
      const size_t begin = byte;
      const uint32_t code_point = next_code_point(text, byte);
      static constexpr std::string_view kNames = "\"\\bfnrt", kMeanings = "\"\\\b\f\n\r\t";
      const size_t which = code_point < 0x80 ? kMeanings.find(static_cast<char>(code_point)) : std::string_view::npos;
      if (which != std::string_view::npos) {
        out_ += '\\';
        out_ += kNames[which];
      } else if (code_point < 0x20 || (style_.ensure_ascii && code_point > 0x7E && code_point < 0x10000)) {
        write_unit(code_point);
      } else if (style_.ensure_ascii && code_point >= 0x10000) {
        write_unit(0xD800 + ((code_point - 0x10000) >> 10));
        write_unit(0xDC00 + ((code_point - 0x10000) & 0x3FF));
      } else {
        out_.append(text.substr(begin, byte - begin));
      }
    }
    out_ += '"';
  }

  void write_key(const Value& key) {
    if (key.is(Kind::Text)) write_text(key.text());
    else if (key.is(Kind::None)) out_ += "\"null\"";
    else if (key.is(Kind::Bool)) out_ += key.boolean() ? "\"true\"" : "\"false\"";
    else if (key.is(Kind::Int)) out_ += cat('"', integer_text(key.integer()), '"');
    else if (key.is(Kind::Float)) out_ += cat('"', number(key.number()), '"');
    else raise("TypeError", "keys must be str, int, float, bool or None, not ", type_name(key));
  }

  void write_array(const Values& items) {
    out_ += '[';
    for (size_t i = 0; i < items.size(); ++i) {
      start_item(i == 0);
      write(items[i]);
    }
    finish(items.empty(), ']');
  }

  void write_dict(const Entries& dict) {
    auto entries = dict.all();
    if (style_.sort_keys) {
      std::stable_sort(entries.begin(), entries.end(),
                       [&](const auto& a, const auto& b) { return ordered(budget_, Order::Less, a.first, b.first); });
    }
    out_ += '{';
    for (size_t i = 0; i < entries.size(); ++i) {
      start_item(i == 0);
      write_key(entries[i].first);
      out_ += style_.key_separator;
      write(entries[i].second);
    }
    finish(entries.empty(), '}');
  }

  void start_item(bool first) {
    if (first) ++level_;
    else out_ += style_.item_separator;
    new_line();
  }

  void finish(bool empty, char close) {
    if (!empty) {
      --level_;
      new_line();
    }
    out_ += close;
  }

  void new_line() {
    if (!style_.indent) return;
    budget_.reserve(out_.size() + static_cast<size_t>(level_) * style_.indent->size());
    out_ += '\n';
    for (int i = 0; i < level_; ++i) out_ += *style_.indent;
  }

  Budget& budget_;
  const JsonStyle& style_;
  std::string out_;
  int level_ = 0;
};

}  // namespace

std::string to_json(Budget& budget, const Value& value, const JsonStyle& style) {
  JsonTextWriter writer(budget, style);
  writer.write(value);
  return writer.take();
}

}  // namespace paceline::jinja
