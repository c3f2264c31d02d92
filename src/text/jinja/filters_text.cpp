// Filters that make texts.
#include <algorithm>

#include "text/jinja/arguments.h"
#include "text/jinja/attribute_path.h"
#include "text/jinja/characters.h"
#include "text/jinja/filters.h"
#include "text/jinja/formatting.h"
#include "text/jinja/interpreter.h"
#include "text/jinja/methods.h"
#include "text/jinja/operators.h"
#include "text/jinja/printing.h"

namespace paceline::jinja {

namespace {

// str(value) that keeps a mark-up's mark (markupsafe.soft_str).
Value soft_text(Interpreter& in, const Value& input) {
  return input.is(Kind::Text) ? input : make_text(&in.budget(), to_text(in.budget(), input));
}

Value call_method(Interpreter& in, const char* name, const Value& text, Arguments& args) {
  return find_text_method(name)->body(in, text, args);
}

Value upper(Interpreter& in, const Value& input, Arguments& args) {
  return call_method(in, "upper", soft_text(in, input), args);
}
Value lower(Interpreter& in, const Value& input, Arguments& args) {
  return call_method(in, "lower", soft_text(in, input), args);
}

Value capitalized(Interpreter& in, const Value& input, Arguments& args) {
  return call_method(in, "capitalize", soft_text(in, input), args);
}

Value trim(Interpreter& in, const Value& input, Arguments& args) {
  const Parameters given("trim", args, {"chars"});
  Arguments passed;
  if (given.find(0) != nullptr) passed.positional.push_back(given.get(0));
  return call_method(in, "strip", soft_text(in, input), passed);
}

Value string(Interpreter& in, const Value& input, Arguments& args) {
  expect_no_arguments("string", args);
  return soft_text(in, input);
}

Value title(Interpreter& in, const Value& input, Arguments& args) {
  expect_no_arguments("title", args);
  const std::string text = to_text(in.budget(), input);
  std::string out;
  for (size_t byte = 0; byte < text.size();) {
    // Pieces alternate between runs of separators and words.
    const auto separates = [&](size_t at) {
      const uint32_t c = next_code_point(text, at);
      return is(CharacterClass::Space, c) ||
             (c < 0x80 && std::string_view("-({[<").find(static_cast<char>(c)) != std::string_view::npos);
    };
    const bool separators = separates(byte);
    size_t first_end = byte, end = byte;
    next_code_point(text, first_end);
    while (end < text.size() && separates(end) == separators) next_code_point(text, end);
    const std::string_view piece = std::string_view(text).substr(byte, end - byte);
    const size_t first = first_end - byte;
    out += to_upper(piece.substr(0, first)) + to_lower(piece.substr(first));
    byte = end;
  }
  return make_text(&in.budget(), std::move(out));
}

Value replace(Interpreter& in, const Value& input, Arguments& args) {
  const Parameters given("replace", args, {"old", "new", "count"}, 2);
  Budget& budget = in.budget();
  const Integer count = given.find_some(2) == nullptr ? -1 : given.integer(2, -1);
  return make_text(&budget, replace_text(budget, to_text(budget, input), to_text(budget, given.get(0)),
                                         to_text(budget, given.get(1)), count));
}

Value join(Interpreter& in, const Value& input, Arguments& args) {
  const Parameters given("join", args, {"d", "attribute"});
  Budget& budget = in.budget();
  const std::string separator = given.find(0) == nullptr ? "" : to_text(budget, given.get(0));
  const AttributePath path(given.find_some(1));
  const NextItem next = iterate(budget, input);
  std::string out;
  bool first = true;
  for (Value item; next(item); first = false) {
    const std::string text = to_text(budget, path.of(in, item));
    budget.reserve(out.size() + text.size() + separator.size());
    if (!first) out += separator;
    out += text;
  }
  return make_text(&budget, std::move(out));
}

Value indent(Interpreter& in, const Value& input, Arguments& args) {
  const Parameters given("indent", args, {"width", "first", "blank"});
  Budget& budget = in.budget();
  const bool first = given.flag(1, false), blank = given.flag(2, false);
  std::string indention;
  if (given.find(0) != nullptr && given.get(0).is(Kind::Text)) {
    indention = given.get(0).text();
  } else {
    const Integer width = std::clamp<Integer>(given.integer(0, 4), 0, Integer{1} << 40);
    budget.reserve(static_cast<size_t>(width));
    indention.assign(static_cast<size_t>(width), ' ');
  }
  if (input.is(Kind::Undefined)) raise_undefined(input);
  if (input.is_sequence(SequenceKind::List)) raise("AttributeError", "'list' object has no attribute 'splitlines'");
  if (!input.is(Kind::Text))
    raise("TypeError", "unsupported operand type(s) for +=: '", type_name(input), "' and 'str'");
  const Value text = add(budget, input, make_text(&budget, "\n"));
  const std::vector<std::string> lines = split_lines(text.text(), false);
  std::string out = first ? indention : "";
  for (size_t i = 0; i < lines.size(); ++i) {
    budget.reserve(out.size() + lines[i].size() + indention.size() + 1);
    if (i > 0) out += '\n';
    if (i > 0 && (blank || !lines[i].empty())) out += indention;
    out += lines[i];
  }
  return make_text(&budget, std::move(out), input.is_markup());
}

Value center(Interpreter& in, const Value& input, Arguments& args) {
  const Parameters given("center", args, {"width"});
  Arguments passed{{Value(given.integer(0, 80))}, {}};
  return call_method(in, "center", soft_text(in, input), passed);
}

Value truncate(Interpreter& in, const Value& input, Arguments& args) {
  const Parameters given("truncate", args, {"length", "killwords", "end", "leeway"});
  Budget& budget = in.budget();
  const std::string end = given.text(2, "...");
  const Integer most = given.integer(0, 255), leeway = given.find_some(3) == nullptr ? 5 : given.integer(3, 5);
  const Integer end_length = static_cast<Integer>(code_point_count(end));
  if (most < end_length)
    raise("AssertionError", "expected length >= ", integer_text(end_length), ", got ", integer_text(most));
  if (leeway < 0) raise("AssertionError", "expected leeway >= 0, got ", integer_text(leeway));
  if (static_cast<Integer>(length(input)) <= most + leeway) return input;
  const Value cut = slice(budget, input, {Value(), Value(most - end_length), Value()});
  if (!cut.is(Kind::Text)) raise("TypeError", "truncate needs a str, not ", type_name(input));
  const size_t space = given.flag(1, false) ? std::string::npos : cut.text().rfind(' ');
  return make_text(&budget, cut.text().substr(0, space) + end, input.is_markup());
}

Value wordcount(Interpreter& in, const Value& input, Arguments& args) {
  expect_no_arguments("wordcount", args);
  const std::string text = to_text(in.budget(), input);
  Integer words = 0;
  bool inside = false;
  for (size_t byte = 0; byte < text.size();) {
    const uint32_t c = next_code_point(text, byte);
    const bool letter = c == '_' || is(CharacterClass::Alphabetic, c) || is(CharacterClass::Decimal, c) ||
                        is(CharacterClass::Digit, c) || is(CharacterClass::Numeric, c);
    if (letter && !inside) ++words;
    inside = letter;
  }
  return Value(words);
}

Value format(Interpreter& in, const Value& input, Arguments& args) {
  if (!args.positional.empty() && !args.named.empty()) {
    raise("FilterArgumentError", "can't handle positional and keyword arguments at the same time");
  }
  const Value text = soft_text(in, input);
  if (args.named.empty()) return percent_format(in.budget(), text, make_tuple(in.budget(), args.positional));
  const auto dict = make_dict(in.budget());
  for (const auto& [name, value] : args.named) set_entry(in.budget(), *dict, make_text(&in.budget(), name), value);
  return percent_format(in.budget(), text, Value(dict));
}

Value escape(Interpreter& in, const Value& input, Arguments& args) {
  expect_no_arguments("escape", args);
  return make_text(&in.budget(), escaped(in.budget(), input), true);
}

Value force_escape(Interpreter& in, const Value& input, Arguments& args) {
  expect_no_arguments("forceescape", args);
  return make_text(&in.budget(), escape_text(in.budget(), to_text(in.budget(), input)), true);
}

Value safe(Interpreter& in, const Value& input, Arguments& args) {
  expect_no_arguments("safe", args);
  return make_text(&in.budget(), to_text(in.budget(), input), true);
}

std::string url_quoted(Budget& budget, const Value& value, bool for_query) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  const std::string text = to_text(budget, value);
  budget.reserve(text.size() * 3);
  std::string out;
  for (const char c : text) {
    const bool kept = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      std::string_view(for_query ? "_.-~" : "_.-~/").find(c) != std::string_view::npos;
    if (kept) out += c;
    else if (for_query && c == ' ') out += '+';
    else (out += '%') += kHex[static_cast<uint8_t>(c) >> 4], out += kHex[static_cast<uint8_t>(c) & 15];
  }
  return out;
}

Value urlencode(Interpreter& in, const Value& input, Arguments& args) {
  expect_no_arguments("urlencode", args);
  Budget& budget = in.budget();
  Value pairs = input;
  if (input.is(Kind::Dict)) pairs = find_dict_method("items")->body(in, input, args);
  const auto next = input.is(Kind::Text) ? std::nullopt : try_iterate(budget, pairs);
  if (!next) return make_text(&budget, url_quoted(budget, input, false));
  std::string out;
  for (Value pair; (*next)(pair);) {
    const Values parts = to_items(budget, pair);
    if (parts.size() != 2) raise("ValueError", "urlencode needs pairs, got ", parts.size(), " values");
    if (!out.empty()) out += '&';
    out += url_quoted(budget, parts[0], true) + "=" + url_quoted(budget, parts[1], true);
    budget.reserve(out.size());
  }
  return make_text(&budget, std::move(out));
}

Value xmlattr(Interpreter& in, const Value& input, Arguments& args) {
  const Parameters given("xmlattr", args, {"autospace"});
  Budget& budget = in.budget();
  if (input.is(Kind::Undefined)) raise_undefined(input);
  if (!input.is(Kind::Dict)) raise("AttributeError", "'", type_name(input), "' object has no attribute 'items'");
  std::string out;
  for (const auto& [key, value] : input.dict()->entries.all()) {
    if (value.is(Kind::None) || value.is(Kind::Undefined)) continue;
    const std::string name = to_text(budget, key);
    if (name.find_first_of(" \t\n\r\f\v/>=") != std::string::npos) {
      raise("ValueError", "Invalid character in attribute name: ", to_repr(budget, key));
    }
    if (!out.empty()) out += ' ';
    out += escaped(budget, key) + "=\"" + escaped(budget, value) + "\"";
    budget.reserve(out.size());
  }
  return make_text(&budget, !out.empty() && given.flag(0, true) ? " " + out : out);
}

std::optional<std::string> json_indent(Budget& budget, const Parameters& given) {
  const Value* value = given.find_some(1);
  if (value == nullptr) return std::nullopt;
  if (value->is(Kind::Text)) return value->text();
  const Integer width = std::clamp<Integer>(index_of(*value), 0, Integer{1} << 40);
  budget.reserve(static_cast<size_t>(width));
  return std::string(static_cast<size_t>(width), ' ');
}

Value tojson(Interpreter& in, const Value& input, Arguments& args) {
  const Parameters given("tojson", args, {"ensure_ascii", "indent", "separators", "sort_keys"});
  Budget& budget = in.budget();
  JsonStyle style;
  style.ensure_ascii = given.flag(0, false);
  style.indent = json_indent(budget, given);
  style.sort_keys = given.flag(3, false);
  if (style.indent) style.item_separator.assign(1, ',');
  if (const Value* separators = given.find_some(2)) {
    const Values parts = to_items(budget, *separators);
    if (parts.size() != 2 || !parts[0].is(Kind::Text) || !parts[1].is(Kind::Text)) {
      raise("ValueError", "tojson: separators must be two strings, got ", to_repr(budget, *separators));
    }
    style.item_separator = parts[0].text();
    style.key_separator = parts[1].text();
  }
  return make_text(&budget, to_json(budget, input, style));
}

constexpr Filter kFilters[] = {{"capitalize", capitalized},
                               {"center", center},
                               {"e", escape},
                               {"escape", escape},
                               {"forceescape", force_escape},
                               {"format", format},
                               {"indent", indent},
                               {"join", join},
                               {"lower", lower},
                               {"replace", replace},
                               {"safe", safe},
                               {"string", string},
                               {"title", title},
                               {"tojson", tojson},
                               {"trim", trim},
                               {"truncate", truncate},
                               {"upper", upper},
                               {"urlencode", urlencode},
                               {"wordcount", wordcount},
                               {"xmlattr", xmlattr}};

}  // namespace

const Filter* find_text_filter(std::string_view name) { return find_in_table(kFilters, name); }

}  // namespace paceline::jinja
