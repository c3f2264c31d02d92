// Methods of str. Positions count code points; of marked-up texts, arguments are escaped and results stay marked up.
#include <algorithm>
#include <array>

#include "text/jinja/arguments.h"
#include "text/jinja/characters.h"
#include "text/jinja/formatting.h"
#include "text/jinja/interpreter.h"
#include "text/jinja/methods.h"
#include "text/jinja/operators.h"
#include "text/jinja/printing.h"

namespace paceline::jinja {

namespace {

using Args = Arguments;

Value like(Interpreter& in, const Value& self, std::string text) {
  return make_text(&in.budget(), std::move(text), self.is_markup());
}

std::string argument(Interpreter& in, const Value& self, const Parameters& given, size_t index) {
  const std::string& text = given.text(index);
  return self.is_markup() ? escaped(in.budget(), given.get(index)) : text;
}

template <std::string (*Convert)(std::string_view)>
Value convert_case(Interpreter& in, const Value& self, Args& args) {
  expect_no_arguments("str case conversion", args);
  return like(in, self, Convert(self.text()));
}

template <bool Left, bool Right>
Value strip(Interpreter& in, const Value& self, Args& args) {
  const Parameters given(Left && Right ? "str.strip" : Left ? "str.lstrip" : "str.rstrip", args, {"chars"}, 0, true);
  std::string_view text = self.text();
  if (given.find_some(0) == nullptr) {
    if (Left) text = strip_left(text);
    if (Right) text = strip_right(text);
  } else {
    const std::string characters = argument(in, self, given, 0);
    in.budget().work(text.size() * characters.size());
    if (Left) text = strip_left(text, characters);
    if (Right) text = strip_right(text, characters);
  }
  return like(in, self, std::string(text));
}

Values split_at_space(Interpreter& in, const Value& self, Integer most) {
  Values parts;
  std::string_view rest = strip_left(std::string_view(self.text()));
  while (!rest.empty()) {
    if (most >= 0 && static_cast<Integer>(parts.size()) >= most) {
      parts.push_back(like(in, self, std::string(rest)));
      break;
    }
    size_t end = 0;
    for (size_t next = 0; next < rest.size(); end = next) {
      if (is(CharacterClass::Space, next_code_point(rest, next))) break;
    }
    parts.push_back(like(in, self, std::string(rest.substr(0, end))));
    rest = strip_left(rest.substr(end));
  }
  return parts;
}

Values rsplit_at_space(Interpreter& in, const Value& self, Integer most) {
  Values parts;
  std::string_view rest = strip_right(std::string_view(self.text()));
  while (!rest.empty()) {
    if (most >= 0 && static_cast<Integer>(parts.size()) >= most) {
      parts.push_back(like(in, self, std::string(rest)));
      break;
    }
    size_t begin = 0;
    for (size_t byte = 0; byte < rest.size();) {
      if (is(CharacterClass::Space, next_code_point(rest, byte))) begin = byte;
    }
    parts.push_back(like(in, self, std::string(rest.substr(begin))));
    rest = strip_right(rest.substr(0, begin));
    in.budget().work(rest.size());
  }
  std::reverse(parts.begin(), parts.end());
  return parts;
}

template <bool FromRight>
Values split_at(Interpreter& in, const Value& self, const std::string& separator, Integer most) {
  if (separator.empty()) raise("ValueError", "empty separator");
  Values parts;
  std::string_view rest = self.text();
  while (most < 0 || static_cast<Integer>(parts.size()) < most) {
    const size_t at = FromRight ? rest.rfind(separator) : rest.find(separator);
    if (at == std::string_view::npos) break;
    parts.push_back(like(in, self, std::string(FromRight ? rest.substr(at + separator.size()) : rest.substr(0, at))));
    rest = FromRight ? rest.substr(0, at) : rest.substr(at + separator.size());
  }
  parts.push_back(like(in, self, std::string(rest)));
  if (FromRight) std::reverse(parts.begin(), parts.end());
  return parts;
}

template <bool FromRight>
Value split(Interpreter& in, const Value& self, Args& args) {
  const Parameters given(FromRight ? "str.rsplit" : "str.split", args, {"sep", "maxsplit"});
  const Integer most = given.integer(1, -1);
  Values parts;
  if (given.find_some(0) == nullptr)
    parts = FromRight ? rsplit_at_space(in, self, most) : split_at_space(in, self, most);
  else parts = split_at<FromRight>(in, self, argument(in, self, given, 0), most);
  return make_list(in.budget(), std::move(parts));
}

Value splitlines(Interpreter& in, const Value& self, Args& args) {
  const Parameters given("str.splitlines", args, {"keepends"});
  Values lines;
  for (const std::string& line : split_lines(self.text(), given.flag(0, false))) lines.push_back(like(in, self, line));
  return make_list(in.budget(), std::move(lines));
}

Value join(Interpreter& in, const Value& self, Args& args) {
  const Parameters given("str.join", args, {"iterable"}, 1, true);
  const NextItem next = iterate(in.budget(), given.get(0));
  std::string out;
  size_t index = 0;
  for (Value item; next(item); ++index) {
    if (!item.is(Kind::Text)) {
      if (!self.is_markup()) {
        raise("TypeError", "sequence item ", index, ": expected str instance, ", type_name(item), " found");
      }
    }
    const std::string text = self.is_markup() ? escaped(in.budget(), item) : item.text();
    in.budget().reserve(out.size() + text.size() + self.text().size());
    if (index > 0) out += self.text();
    out += text;
  }
  return like(in, self, std::move(out));
}

Value replace(Interpreter& in, const Value& self, Args& args) {
  if (!args.named.empty()) raise("TypeError", "str.replace() takes no keyword arguments");
  const Parameters given("str.replace", args, {"old", "new", "count"}, 2, true);
  return like(in, self,
              replace_text(in.budget(), self.text(), argument(in, self, given, 0), argument(in, self, given, 1),
                           given.integer(2, -1)));
}

template <bool AtEnd>
bool has_affix(std::string_view text, const Value& affix) {
  if (!affix.is(Kind::Text)) {
    raise("TypeError", AtEnd ? "endswith" : "startswith", " first arg must be str or a tuple of str, not ",
          type_name(affix));
  }
  return AtEnd ? text.ends_with(affix.text()) : text.starts_with(affix.text());
}

// The part of `self` that arguments `first` and `first` + 1 select, and where it starts (in code points).
std::string_view window(const Value& self, const Parameters& given, size_t first, size_t& start) {
  const std::string_view text = self.text();
  start = 0;
  if (given.find_some(first) == nullptr && given.find_some(first + 1) == nullptr) return text;
  const size_t size = length(self);
  const size_t end = given.find_some(first + 1) == nullptr ? size : clamp_index(given.integer(first + 1, 0), size);
  start = given.find_some(first) == nullptr ? 0 : clamp_index(given.integer(first, 0), size);
  if (start >= end) return text.substr(byte_of(text, start), 0);
  const size_t begin = byte_of(text, start);
  return text.substr(begin, byte_of(text.substr(begin), end - start));
}

template <bool AtEnd>
Value affix(Interpreter&, const Value& self, Args& args) {
  const Parameters given(AtEnd ? "str.endswith" : "str.startswith", args, {"prefix", "start", "end"}, 1, true);
  size_t start = 0;
  const std::string_view text = window(self, given, 1, start);
  const Value& wanted = given.get(0);
  if (!wanted.is_sequence(SequenceKind::Tuple)) return Value(has_affix<AtEnd>(text, wanted));
  const Values& items = wanted.sequence()->items;
  return Value(
      std::any_of(items.begin(), items.end(), [&](const Value& item) { return has_affix<AtEnd>(text, item); }));
}

template <bool FromRight, bool MustExist>
Value find(Interpreter& in, const Value& self, Args& args) {
  static constexpr const char* kNames[] = {"str.find", "str.rfind", "str.index", "str.rindex"};
  const Parameters given(kNames[2 * MustExist + FromRight], args, {"sub", "start", "end"}, 1, true);
  size_t start = 0;
  const std::string wanted = argument(in, self, given, 0);
  const std::string_view text = window(self, given, 1, start);
  const size_t byte = FromRight ? text.rfind(wanted) : text.find(wanted);
  if (byte == std::string_view::npos && MustExist) raise("ValueError", "substring not found");
  if (byte == std::string_view::npos) return Value(-1);
  return Value(static_cast<Integer>(start + code_point_count(text.substr(0, byte))));
}

Value count(Interpreter& in, const Value& self, Args& args) {
  const Parameters given("str.count", args, {"sub", "start", "end"}, 1, true);
  size_t start = 0, found = 0;
  const std::string wanted = argument(in, self, given, 0);
  const std::string_view text = window(self, given, 1, start);
  if (wanted.empty()) return Value(static_cast<Integer>(code_point_count(text) + 1));
  for (size_t at = text.find(wanted); at != std::string_view::npos; at = text.find(wanted, at + wanted.size())) ++found;
  return Value(static_cast<Integer>(found));
}

template <bool AtEnd>
Value remove_affix(Interpreter& in, const Value& self, Args& args) {
  const Parameters given(AtEnd ? "str.removesuffix" : "str.removeprefix", args, {"prefix"}, 1, true);
  const std::string_view text = self.text(), wanted = given.text(0);
  if (AtEnd)
    return like(in, self, std::string(text.ends_with(wanted) ? text.substr(0, text.size() - wanted.size()) : text));
  return like(in, self, std::string(text.starts_with(wanted) ? text.substr(wanted.size()) : text));
}

template <bool FromRight>
Value partition(Interpreter& in, const Value& self, Args& args) {
  const Parameters given(FromRight ? "str.rpartition" : "str.partition", args, {"sep"}, 1, true);
  const std::string separator = argument(in, self, given, 0);
  if (separator.empty()) raise("ValueError", "empty separator");
  const std::string& text = self.text();
  const size_t at = FromRight ? text.rfind(separator) : text.find(separator);
  std::array<std::string, 3> parts;
  if (at != std::string::npos) parts = {text.substr(0, at), separator, text.substr(at + separator.size())};
  else parts[FromRight ? 2 : 0] = text;
  return make_tuple(in.budget(), {like(in, self, parts[0]), like(in, self, parts[1]), like(in, self, parts[2])});
}

template <char Align>
Value justify(Interpreter& in, const Value& self, Args& args) {
  const Parameters given("str.ljust", args, {"width", "fillchar"}, 1, true);
  FormatSpec spec;
  const Integer width = given.integer(0, 0);
  if (width > Integer{1} << 40) in.budget().reserve(SIZE_MAX);
  spec.width = width < 0 ? 0 : static_cast<size_t>(width);
  spec.fill = given.text(1, " ");
  if (code_point_count(spec.fill) != 1) raise("TypeError", "The fill character must be exactly one character long");
  if (Align != '^') return like(in, self, pad(in.budget(), self.text(), spec, Align));
  // str.center puts the odd one left when both the gap and the width are odd; the mini-language never does.
  const size_t size = length(self), missing = spec.width > size ? spec.width - size : 0;
  FormatSpec left = spec;
  left.width = missing == 0 ? 0 : size + missing / 2 + (missing & spec.width & 1);
  return like(in, self, pad(in.budget(), pad(in.budget(), self.text(), left, '>'), spec, '<'));
}

Value zfill(Interpreter& in, const Value& self, Args& args) {
  const Parameters given("str.zfill", args, {"width"}, 1, true);
  FormatSpec spec;
  const Integer width = given.integer(0, 0);
  if (width > Integer{1} << 40) in.budget().reserve(SIZE_MAX);
  spec.width = width < 0 ? 0 : static_cast<size_t>(width);
  spec.fill.assign(1, '0'), spec.align = '=';
  const bool is_signed = self.text().starts_with('+') || self.text().starts_with('-');
  return like(in, self, pad(in.budget(), self.text(), spec, '=', is_signed ? 1 : 0));
}

Value expandtabs(Interpreter& in, const Value& self, Args& args) {
  const Parameters given("str.expandtabs", args, {"tabsize"});
  const Integer wanted = given.integer(0, 8);
  const size_t tab = wanted <= 0 ? 0 : wanted > 1 << 20 ? size_t{1} << 20 : static_cast<size_t>(wanted);
  std::string out;
  size_t column = 0;
  for (const char c : self.text()) {
    if (c == '\t') {
      const size_t spaces = tab == 0 ? 0 : tab - column % tab;
      in.budget().reserve(out.size() + spaces);
      out.append(spaces, ' ');
      column += spaces;
    } else {
      out += c;
      if (c == '\n' || c == '\r') column = 0;
      else if ((static_cast<uint8_t>(c) & 0xC0) != 0x80) ++column;
    }
  }
  return like(in, self, std::move(out));
}

template <CharacterClass... Which>
Value all_are(Interpreter&, const Value& self, Args& args) {
  expect_no_arguments("str.is…", args);
  const std::string& text = self.text();
  for (size_t byte = 0; byte < text.size();) {
    const uint32_t code_point = next_code_point(text, byte);
    if (!(is(Which, code_point) || ...)) return Value(false);
  }
  constexpr bool of_nothing = sizeof...(Which) == 1 && ((Which == CharacterClass::Printable) || ...);
  return Value(!text.empty() || of_nothing);
}

template <CharacterClass Wanted, CharacterClass Unwanted>
Value is_cased(Interpreter&, const Value& self, Args& args) {
  expect_no_arguments("str.islower", args);
  return Value(has_case(self.text(), Wanted == CharacterClass::Upper));
}

Value is_title(Interpreter&, const Value& self, Args& args) {
  expect_no_arguments("str.istitle", args);
  bool previous_cased = false, any = false;
  for (size_t byte = 0; byte < self.text().size();) {
    const uint32_t code_point = next_code_point(self.text(), byte);
    const bool capital = is(CharacterClass::Upper, code_point) || is(CharacterClass::Title, code_point);
    const bool small = is(CharacterClass::Lower, code_point);
    if ((capital && previous_cased) || (small && !previous_cased)) return Value(false);
    previous_cased = capital || small;
    any = any || previous_cased;
  }
  return Value(any);
}

Value is_ascii_text(Interpreter&, const Value& self, Args& args) {
  expect_no_arguments("str.isascii", args);
  return Value(self.text_data()->ascii);
}

Value is_identifier(Interpreter&, const Value& self, Args& args) {
  expect_no_arguments("str.isidentifier", args);
  const std::string& text = self.text();
  for (size_t byte = 0; byte < text.size();) {
    const bool first = byte == 0;
    const uint32_t c = next_code_point(text, byte);
    const bool letter = c == '_' || is(CharacterClass::Alphabetic, c);
    if (!letter && (first || !is(CharacterClass::Decimal, c))) return Value(false);
  }
  return Value(!text.empty());
}

Value format(Interpreter& in, const Value& self, Args& args) { return brace_format(in, self, args); }

Value format_map(Interpreter& in, const Value& self, Args& args) {
  const Parameters given("format_map", args, {"mapping"}, 1, true);
  if (!given.get(0).is(Kind::Dict))
    raise("TypeError", "format_map() argument must be a mapping, not ", type_name(given.get(0)));
  Arguments named;
  for (const auto& [key, value] : given.get(0).dict()->entries.all()) {
    if (key.is(Kind::Text)) named.named.emplace_back(key.text(), value);
  }
  return brace_format(in, self, named);
}

Value unsupported(Interpreter&, const Value&, Args&) {
  raise("TypeError", "encode, maketrans and translate are not supported in chat templates");
}

constexpr Method kMethods[] = {
    {"capitalize", convert_case<capitalize>},
    {"casefold", convert_case<case_fold>},
    {"center", justify<'^'>},
    {"count", count},
    {"encode", unsupported},
    {"endswith", affix<true>},
    {"expandtabs", expandtabs},
    {"find", find<false, false>},
    {"format", format},
    {"format_map", format_map},
    {"index", find<false, true>},
    {"isalnum",
     all_are<CharacterClass::Alphabetic, CharacterClass::Decimal, CharacterClass::Digit, CharacterClass::Numeric>},
    {"isalpha", all_are<CharacterClass::Alphabetic>},
    {"isascii", is_ascii_text},
    {"isdecimal", all_are<CharacterClass::Decimal>},
    {"isdigit", all_are<CharacterClass::Digit>},
    {"isidentifier", is_identifier},
    {"islower", is_cased<CharacterClass::Lower, CharacterClass::Upper>},
    {"isnumeric", all_are<CharacterClass::Numeric>},
    {"isprintable", all_are<CharacterClass::Printable>},
    {"isspace", all_are<CharacterClass::Space>},
    {"istitle", is_title},
    {"isupper", is_cased<CharacterClass::Upper, CharacterClass::Lower>},
    {"join", join},
    {"ljust", justify<'<'>},
    {"lower", convert_case<to_lower>},
    {"lstrip", strip<true, false>},
    {"maketrans", unsupported},
    {"partition", partition<false>},
    {"removeprefix", remove_affix<false>},
    {"removesuffix", remove_affix<true>},
    {"replace", replace},
    {"rfind", find<true, false>},
    {"rindex", find<true, true>},
    {"rjust", justify<'>'>},
    {"rpartition", partition<true>},
    {"rsplit", split<true>},
    {"rstrip", strip<false, true>},
    {"split", split<false>},
    {"splitlines", splitlines},
    {"startswith", affix<false>},
    {"strip", strip<true, true>},
    {"swapcase", convert_case<swap_case>},
    {"title", convert_case<to_title>},
    {"translate", unsupported},
    {"upper", convert_case<to_upper>},
    {"zfill", zfill},
};

}  // namespace

const Method* find_text_method(std::string_view name) {
  const auto* at =
      std::find_if(std::begin(kMethods), std::end(kMethods), [name](const Method& row) { return row.name == name; });
  return at == std::end(kMethods) ? nullptr : at;
}

}  // namespace paceline::jinja
