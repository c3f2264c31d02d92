// The JSON reader and writer: JSONTestSuite's 318 parsing files, exact numbers, limits, order and lookup, escapes.
#include "base/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <fstream>
#include <limits>
#include <random>
#include <set>

#include "base/utf8.h"

namespace paceline::test {

namespace {

using testing::HasSubstr;

std::string error_of(std::string_view text, const JsonLimits& limits = {}) {
  try {
    Json::parse(text, "JSON", limits);
    return "no error";
  } catch (const Error& error) {
    return error.what();
  }
}

bool accepts(std::string_view text) { return error_of(text) == "no error"; }

std::string repeated(std::string_view text, int count) {
  std::string out;
  for (int i = 0; i < count; ++i) out += text;
  return out;
}

std::string unescaped(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out += text[i];
      continue;
    }
    out += static_cast<char>(std::stoi(text.substr(i + 2, 2), nullptr, 16));
    i += 3;
  }
  return out;
}

// Of the files whose fate is up to the parser, these are accepted: numbers too small for a double become 0, and integers that need
// more than 64 bits become doubles.
const std::set<std::string> kAccepted = {
    "i_number_double_huge_neg_exp", "i_number_real_underflow",        "i_number_too_big_neg_int",
    "i_number_too_big_pos_int",     "i_number_very_big_negative_int",
};

TEST(Json, TestSuiteFiles) {
  std::ifstream file(PACELINE_TEST_DATA "/data/jsontestsuite.txt", std::ios::binary);
  ASSERT_TRUE(file);
  int count = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) continue;
    const size_t tab = line.find('\t');
    ASSERT_NE(tab, std::string::npos);
    const std::string name = line.substr(0, tab);
    EXPECT_EQ(accepts(unescaped(line.substr(tab + 1))), name[0] == 'y' || kAccepted.contains(name)) << name;
    ++count;
  }
  EXPECT_EQ(count, 316);
  EXPECT_FALSE(accepts(std::string(100000, '[')));
  EXPECT_FALSE(accepts(repeated("[{\"\":", 50000) + "\n"));
}

TEST(Json, NumbersKeepTheirKind) {
  EXPECT_EQ(Json::parse("9223372036854775807").as_integer(), INT64_MAX);
  EXPECT_EQ(Json::parse("-9223372036854775808").as_integer(), INT64_MIN);
  EXPECT_EQ(Json::parse("18446744073709551615").as_unsigned(), UINT64_MAX);
  EXPECT_EQ(Json::parse("18446744073709551616").as_number(), 18446744073709551616.0);
  EXPECT_FALSE(Json::parse("18446744073709551616").is_integer());
  EXPECT_TRUE(Json::parse("17").is_integer());
  EXPECT_FALSE(Json::parse("17.0").is_integer());
  EXPECT_EQ(Json::parse("17.0").as_integer(), 17);
  EXPECT_EQ(Json::parse("1e3").as_integer(), 1000);
  EXPECT_EQ(Json::parse("1e19").as_unsigned(), 10000000000000000000u);
  EXPECT_TRUE(std::signbit(Json::parse("-0").as_number()));
  EXPECT_EQ(Json::parse("1e-400").as_number(), 0);
  EXPECT_TRUE(std::signbit(Json::parse("-0.00e-5000000000000000000000").as_number()));
  EXPECT_EQ(Json::parse("5e-324").as_number(), 5e-324);
  EXPECT_EQ(Json::parse(cat("0.", std::string(400, '0'), "1e400")).as_number(), 0.1);
  EXPECT_EQ(Json::parse(cat("0.", std::string(400, '0'), "1")).as_number(), 0);
  EXPECT_THAT(error_of("1e999"), HasSubstr("JSON: line 1, column 1: this number is too large for a double"));
  EXPECT_THAT(error_of("[-1e99999999999999999999]"), HasSubstr("column 2: this number is too large"));
  EXPECT_THAT(error_of(std::string(400, '9')), HasSubstr("too large"));
}

TEST(Json, DoublesComeBackBitForBit) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 20000; ++i) {
    const double value = std::bit_cast<double>(random());
    if (!std::isfinite(value)) continue;
    const Json back = Json::parse(Json(value).dump());
    ASSERT_FALSE(back.is_integer());
    ASSERT_EQ(std::bit_cast<uint64_t>(back.as_number()), std::bit_cast<uint64_t>(value)) << value;
  }
  EXPECT_EQ(Json(1.0).dump(), "1.0");
  EXPECT_EQ(Json(0.1).dump(), "0.1");
  EXPECT_EQ(Json(1e300).dump(), "1e+300");
  EXPECT_EQ(Json(std::numeric_limits<double>::infinity()).dump(), "null");
  EXPECT_EQ(Json(std::nan("")).dump(), "null");
  EXPECT_EQ(Json(UINT64_MAX).dump(), "18446744073709551615");
}

TEST(Json, ErrorsSayWhere) {
  EXPECT_EQ(error_of(""), "JSON: line 1, column 1: the text ends, expected a value");
  EXPECT_EQ(error_of("[1,\n 2,\n x]"), "JSON: line 3, column 2: expected a value, got 'x'");
  EXPECT_EQ(error_of("[1 2]"), "JSON: line 1, column 4: expected ',' or ']', got '2'");
  EXPECT_EQ(error_of("{\"a\" 1}"), "JSON: line 1, column 6: expected ':', got '1'");
  EXPECT_EQ(error_of("{a:1}"), "JSON: line 1, column 2: expected a member name in quotes, got 'a'");
  EXPECT_EQ(error_of("{\"a\":1,}"), "JSON: line 1, column 8: expected a member name in quotes, got '}'");
  EXPECT_EQ(error_of("1 2"), "JSON: line 1, column 3: expected the end of the text, got '2'");
  EXPECT_EQ(error_of("truE"), "JSON: line 1, column 1: expected true");
  EXPECT_EQ(error_of("\"a\nb\""), "JSON: line 1, column 3: a control character in a string, expected its escape");
  EXPECT_EQ(error_of("\"\\q\""), "JSON: line 1, column 2: unknown escape in a string");
  EXPECT_EQ(error_of("\"\\ud800x\""), "JSON: line 1, column 2: half of a surrogate pair in a string");
  EXPECT_EQ(error_of("\"\xff\""), "JSON: line 1, column 1: this string is not valid UTF-8");
  EXPECT_EQ(error_of("\xEF\xBB\xBF{}"), "JSON: line 1, column 1: expected a value, got byte 239");
  EXPECT_THROW(Json::parse("["), Error);
  try {
    Json::parse("[", "settings.json");
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "settings.json: line 1, column 2: the text ends, expected a value");
  }
}

TEST(Json, Limits) {
  EXPECT_TRUE(accepts(std::string(128, '[') + std::string(128, ']')));
  EXPECT_THAT(error_of(std::string(129, '[') + std::string(129, ']')),
              HasSubstr("column 129: nested deeper than 128 levels"));
  EXPECT_THAT(error_of("[1,2,3]", {.values = 3}), HasSubstr("more than 3 values"));
  EXPECT_EQ(error_of("[1,2]", {.values = 3}), "no error");
  EXPECT_THAT(error_of("[1,2,3]", {.bytes = 6}), HasSubstr("has 7 bytes, expected at most 6"));
}

TEST(Json, ObjectsKeepOrderAndTheLastOfEqualKeys) {
  EXPECT_EQ(Json::parse(R"({"z":1,"a":2,"z":3})").dump(), R"({"z":3,"a":2})");
  Json object = Json::object();
  for (int i = 0; i < 1000; ++i) object.set(cat("key", i * 7919 % 1000), i);
  object.set("key0", "again");
  EXPECT_EQ(object.as_object().size(), 1000u);
  for (int i = 1; i < 1000; ++i) ASSERT_EQ(object.at(cat("key", i * 7919 % 1000)).as_integer(), i);
  EXPECT_EQ(object.at("key0").as_string(), "again");
  EXPECT_EQ(object.as_object().members()[1].key, "key919");
  EXPECT_EQ(object.find("absent"), nullptr);
  const Json copy = object;
  object.set("key0", 5);
  EXPECT_EQ(copy.at("key0").as_string(), "again");
}

// A quarter of a million members, also of equal hash or falling order, in reasonable time: lookup is a balanced tree.
TEST(Json, ManyMembersAreFast) {
  std::string text = "{";
  for (int i = 250000; i > 0; --i) text += cat("\"", i, "\":0", i == 1 ? "}" : ",");
  EXPECT_EQ(Json::parse(text).as_object().size(), 250000u);
}

TEST(Json, AccessorsSayWhatIsThere) {
  const Json json = Json::parse(R"({"a":[1,null,"x",-1,1.5]})");
  const auto message = [](const auto& call) -> std::string {
    try {
      call();
      return "no error";
    } catch (const Error& error) {
      return error.what();
    }
  };
  const Json::Array& a = json.at("a").as_array();
  EXPECT_EQ(message([&] { json.at("b"); }), "JSON: member \"b\" is missing");
  EXPECT_EQ(message([&] { json.as_array(); }), "JSON: expected an array, got an object");
  EXPECT_EQ(message([&] { a[0].at("x"); }), "JSON: expected an object, got an integer");
  EXPECT_EQ(message([&] { a[1].as_string(); }), "JSON: expected a string, got null");
  EXPECT_EQ(message([&] { a[2].as_number(); }), "JSON: expected a number, got a string");
  EXPECT_EQ(message([&] { a[2].as_bool(); }), "JSON: expected a boolean, got a string");
  EXPECT_EQ(message([&] { a[3].as_unsigned(); }), "JSON: expected an integer of at least 0, got -1");
  EXPECT_EQ(message([&] { a[4].as_integer(); }), "JSON: expected an integer, got 1.5");
  EXPECT_EQ(message([&] { Json(UINT64_MAX).as_integer(); }),
            "JSON: the integer 18446744073709551615 is too large, expected below 2^63");
  EXPECT_EQ(a[2].find("x"), nullptr);
}

TEST(Json, Writing) {
  Json json = Json::object();
  json.set("list", Json::Array{1, true, nullptr, "t\"\\\n\x01\x7f", 2.5});
  json.set("empty", Json::array());
  json.set("none", Json::object());
  EXPECT_EQ(json.dump(), "{\"list\":[1,true,null,\"t\\\"\\\\\\n\\u0001\x7f\",2.5],\"empty\":[],\"none\":{}}");
  EXPECT_EQ(json.dump(2),
            "{\n  \"list\": [\n    1,\n    true,\n    null,\n    \"t\\\"\\\\\\n\\u0001\x7f\",\n    2.5\n  ],\n"
            "  \"empty\": [],\n  \"none\": {}\n}");
  EXPECT_EQ(Json("a\xffz\xc3").dump(), "\"a\xef\xbf\xbdz\xef\xbf\xbd\"");
  EXPECT_EQ(Json::parse(json.dump(2)), json);
}

TEST(Json, StringsComeBack) {
  std::string all;
  for (uint32_t c = 0; c < 0x11000; c += c < 0x300 ? 1 : 37)
    if (c < 0xD800 || c > 0xDFFF) append_utf8(all, c);
  EXPECT_EQ(Json::parse(Json(all).dump()).as_string(), all);
  EXPECT_EQ(Json::parse(R"("\u0041\u00e9\ud83d\ude00\/\b\f\n\r\t\"\\")").as_string(),
            "A\xc3\xa9\xf0\x9f\x98\x80/\b\f\n\r\t\"\\");
}

TEST(Json, Equality) {
  EXPECT_EQ(Json::parse(R"({"a":1,"b":[2]})"), Json::parse(R"({"b":[2.0],"a":1})"));
  EXPECT_FALSE(Json::parse(R"({"a":1})") == Json::parse(R"({"b":1})"));
  EXPECT_FALSE(Json::parse("[1,2]") == Json::parse("[1]"));
  EXPECT_FALSE(Json(9007199254740993) == Json(9007199254740992));
  EXPECT_FALSE(Json(true) == Json(1));
  EXPECT_EQ(Json(), Json(nullptr));
}

}  // namespace

}  // namespace paceline::test
