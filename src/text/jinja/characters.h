#pragma once
// What Python's str knows about characters and whole texts (Unicode 14, Python 3.11): classes, case mappings, and positions counted in
// code points over UTF-8 bytes. Texts given here are valid UTF-8. Tables: characters_data.inc, written by make_characters.py.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace paceline::jinja {

enum class CharacterClass {
  Printable,
  Space,
  Alphabetic,
  Decimal,
  Digit,
  Numeric,
  Lower,
  Upper,
  Title,
  Cased,
  CaseIgnorable
};

bool is(CharacterClass which, uint32_t code_point);
bool is_ascii(std::string_view text);

// The code point that starts at `byte`, which is moved behind it.
uint32_t next_code_point(std::string_view text, size_t& byte);

size_t code_point_count(std::string_view text);
// The byte where code point `index` starts; text.size() when there are fewer.
size_t byte_of(std::string_view text, size_t index);

std::string to_upper(std::string_view text);
std::string to_lower(std::string_view text);
std::string to_title(std::string_view text);  // str.title: a word is a run of letters
std::string capitalize(std::string_view text);
std::string swap_case(std::string_view text);
std::string case_fold(std::string_view text);

// Whether a cased character is there and all of them are upper (lower) case: str.isupper, str.islower.
bool has_case(std::string_view text, bool upper);

// str.splitlines: at \n, \r\n, \r, \v, \f, \x1c-\x1e, \x85, U+2028 and U+2029.
std::vector<std::string> split_lines(std::string_view text, bool keep_ends);

// White space as str.strip() sees it, or any of the code points of `characters`.
std::string_view strip_left(std::string_view text);
std::string_view strip_right(std::string_view text);
std::string_view strip_left(std::string_view text, std::string_view characters);
std::string_view strip_right(std::string_view text, std::string_view characters);

}  // namespace paceline::jinja
