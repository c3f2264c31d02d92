#pragma once
// How JSON is written by a constrained model: the grammar's expressions for strings, numbers and the space between tokens.
// Space: one is possible after `:` and after `,`, nowhere else, so that a model cannot loop on it. Strings without restrictions may be
// spelled in every way JSON knows; where content matters (keys, patterns, enums), a character has one spelling: itself, or the shortest
// escape where JSON requires one. Numbers have at most kMostDigits digits before and after the point and two in the exponent.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "text/constrain/grammar.h"
#include "text/constrain/text_language.h"

namespace paceline::constrain {

inline constexpr int kMostDigits = 20;

class JsonSpelling {
 public:
  using Node = GrammarBuilder::Node;
  explicit JsonSpelling(GrammarBuilder& builder) : builder_(builder) {}
  // Strings do not hold `excluded` texts as they stand: a closing tag that something around the JSON ends with. (Their characters can still
  // be written as escapes, where strings are unrestricted.)
  JsonSpelling(GrammarBuilder& builder, std::vector<std::string> excluded);

  Node any_string();
  Node string_of_length(uint32_t minimum, std::optional<uint32_t> maximum);  // in code points
  Node string(const TextLanguage& content);
  Node literal(const Json& value);  // on one line, without spaces
  Node as_it_is(const TextLanguage& text);  // no JSON: the characters themselves
  Node colon();
  Node comma();

 private:
  Node other_character();  // than ASCII
  Node any_escape();
  Node characters(const CodePoints& points);

  GrammarBuilder& builder_;
  std::vector<std::string> excluded_;
  std::optional<TextLanguage> clean_;  // texts without those
  std::optional<GrammarBuilder::Rule> any_string_, other_character_, any_escape_, colon_, comma_;
};

// A bound of numbers, as JSON writes it.
struct NumberBound {
  std::string decimal;  // -?digits(.digits)?
  bool exclusive = false;
};

struct NumberRange {
  std::optional<NumberBound> minimum, maximum;
  bool integer = false;
  uint32_t multiple_of = 1;  // of integers
};

// The numbers in the range; without an exponent when it has bounds.
TextLanguage number_language(const NumberRange& range);

// Numbers of at most 15 digits, without an exponent: a double tells any two of them apart.
const TextLanguage& numbers_of_a_double();

// "12.5" for 12.5 and 1e-3 for 0.001: the exact decimal text that JSON's writer would give, without exponent. Throws Error when it has
// more than kMostDigits digits on either side.
std::string plain_decimal(double value);

// Texts in a format of JSON Schema: exact for date (but for the year 0000, which many refuse), ipv4 and uuid; for the others (time, date-time, email, hostname, ipv6, uri, …) a
// part of the format that leaves out rare forms (leap seconds, quoted local parts). Nothing when the format is not known.
std::optional<TextLanguage> format_language(std::string_view format);

}  // namespace paceline::constrain
