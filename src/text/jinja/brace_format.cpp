// "{} {name} {0.attribute[index]!r:>{width}}".format(…), fields looked up through the sandbox.
#include "text/jinja/formatting.h"
#include "text/jinja/interpreter.h"
#include "text/jinja/methods.h"
#include "text/jinja/operators.h"
#include "text/jinja/printing.h"

namespace paceline::jinja {

namespace {

bool is_number(std::string_view text) {
  return !text.empty() && text.size() < 10 && text.find_first_not_of("0123456789") == std::string_view::npos;
}

Integer number(std::string_view text) {
  Integer value = 0;
  for (const char c : text) value = value * 10 + (c - '0');
  return value;
}

class BraceFormatter {
 public:
  BraceFormatter(Interpreter& interpreter, bool markup, const Arguments& arguments)
      : in_(interpreter), markup_(markup), arguments_(arguments) {}

  std::string run(std::string_view format, int nesting) {
    if (nesting > 3) raise("ValueError", "Max string recursion exceeded");
    in_.budget().work(format.size());
    std::string out;
    for (size_t at = 0; at < format.size();) {
      const char c = format[at];
      const bool doubled = at + 1 < format.size() && format[at + 1] == c;
      if (c != '{' && c != '}') {
        out += c;
        ++at;
      } else if (doubled) {
        out += c;
        at += 2;
      } else if (c == '}') {
        raise("ValueError", "Single '}' encountered in format string");
      } else {
        const size_t end = closing(format, at + 1);
        out += field(format.substr(at + 1, end - at - 1), nesting);
        in_.budget().reserve(out.size());
        at = end + 1;
      }
    }
    return out;
  }

 private:
  static size_t closing(std::string_view format, size_t at) {
    if (at >= format.size()) raise("ValueError", "Single '{' encountered in format string");
    for (int open = 1; at < format.size(); ++at) {
      if (format[at] == '{') ++open;
      if (format[at] == '}' && --open == 0) return at;
    }
    raise("ValueError", "expected '}' before end of string");
  }

  // name [!conversion] [:spec]; a name's brackets may hold either sign.
  std::string field(std::string_view text, int nesting) {
    size_t end = 0;
    for (bool in_brackets = false; end < text.size(); ++end) {
      if (text[end] == '[') in_brackets = true;
      else if (text[end] == ']') in_brackets = false;
      else if (!in_brackets && (text[end] == '!' || text[end] == ':')) break;
    }
    Value value = look_up(text.substr(0, end));
    std::string_view rest = text.substr(end);
    if (rest.starts_with('!')) {
      if (rest.size() < 2) raise("ValueError", "end of string while looking for conversion specifier");
      value = convert(value, rest[1]);
      rest = rest.substr(2);
      if (!rest.empty() && rest[0] != ':') raise("ValueError", "expected ':' after conversion specifier");
    }
    const std::string spec = run(rest.empty() ? rest : rest.substr(1), nesting + 1);
    if (markup_ && value.is_markup()) return value.text();
    const std::string shown = format_value(in_.budget(), value, spec);
    return markup_ ? escape_text(in_.budget(), shown) : shown;
  }

  Value convert(const Value& value, char conversion) {
    if (conversion == 's') return make_text(&in_.budget(), to_text(in_.budget(), value));
    if (conversion == 'r' || conversion == 'a') return make_text(&in_.budget(), to_repr(in_.budget(), value));
    raise("ValueError", "Unknown conversion specifier ", conversion);
  }

  Value look_up(std::string_view name) {
    const size_t end = std::min(name.find_first_of(".["), name.size());
    // A name in front of .attribute must be there; the number of a lone {} need not.
    if (end == 0 && !name.empty()) raise("KeyError", "''");
    Value value = first(name.substr(0, end));
    for (size_t at = end; at < name.size();) {
      if (name[at] == '.') {
        const size_t stop = std::min(name.find_first_of(".[", at + 1), name.size());
        if (stop == at + 1) raise("ValueError", "Empty attribute in format string");
        value = get_attribute(in_, value, name.substr(at + 1, stop - at - 1));
        at = stop;
      } else if (name[at] == '[') {
        const size_t stop = name.find(']', at);
        if (stop == std::string_view::npos) raise("ValueError", "Missing ']' in format string");
        const std::string_view key = name.substr(at + 1, stop - at - 1);
        if (key.empty()) raise("ValueError", "Empty attribute in format string");
        value = get_item(in_, value, is_number(key) ? Value(number(key)) : make_text(&in_.budget(), std::string(key)));
        at = stop + 1;
      } else {
        raise("ValueError", "Only '.' or '[' may follow ']' in format field specifier");
      }
    }
    return value;
  }

  Value first(std::string_view name) {
    if (name.empty() || is_number(name)) {
      const bool automatic = name.empty();
      if (automatic ? manual_ : next_ > 0)
        raise("ValueError", "cannot switch between manual and automatic field numbering");
      manual_ = manual_ || !automatic;
      const Integer index = automatic ? next_++ : number(name);
      if (index >= static_cast<Integer>(arguments_.positional.size())) {
        raise("IndexError", "tuple index out of range");
      }
      return arguments_.positional[static_cast<size_t>(index)];
    }
    for (const auto& [key, value] : arguments_.named) {
      if (key == name) return value;
    }
    raise("KeyError", to_repr(in_.budget(), make_text(&in_.budget(), std::string(name))));
  }

  Interpreter& in_;
  bool markup_;
  const Arguments& arguments_;
  Integer next_ = 0;
  bool manual_ = false;
};

}  // namespace

Value brace_format(Interpreter& interpreter, const Value& format, const Arguments& arguments) {
  BraceFormatter formatter(interpreter, format.is_markup(), arguments);
  return make_text(&interpreter.budget(), formatter.run(format.text(), 1), format.is_markup());
}

}  // namespace paceline::jinja
