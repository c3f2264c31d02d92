// Stop strings in pieces, fields of requests, escapes in targets.
#include <gtest/gtest.h>

#include "serve/api_error.h"
#include "serve/fields.h"
#include "serve/http/message.h"
#include "serve/stop_matcher.h"

namespace paceline {
namespace {

std::string pushed(StopMatcher& matcher, std::string_view text, size_t piece) {
  std::string out;
  for (size_t at = 0; at < text.size(); at += piece) out += matcher.push(text.substr(at, piece));
  return out + matcher.finish();
}

TEST(StopMatcher, FindsAStopHoweverTheTextIsCut) {
  for (size_t piece = 1; piece < 20; ++piece) {
    StopMatcher matcher({"END", "ENOUGH"});
    EXPECT_EQ(pushed(matcher, "to the EN of ENOUGH and more", piece), "to the EN of ") << piece;
    EXPECT_EQ(matcher.found(), "ENOUGH");
  }
}

TEST(StopMatcher, GivesBackWhatWasNoStop) {
  for (size_t piece = 1; piece < 8; ++piece) {
    StopMatcher matcher({"aab"});
    EXPECT_EQ(pushed(matcher, "aaaaac aa", piece), "aaaaac aa") << piece;
    EXPECT_EQ(matcher.found(), "");
  }
}

TEST(StopMatcher, TakesTheEarliest) {
  StopMatcher matcher({"later", "first"});
  EXPECT_EQ(matcher.push("at first or later"), "at ");
  EXPECT_EQ(matcher.found(), "first");
}

TEST(Fields, SayWhatWasExpected) {
  const Json body = Json::parse(R"({"n": 3.5, "t": 2, "huge": 1e300, "s": ["a", 1], "none": null})");
  const Fields fields(body);
  EXPECT_THROW((void)fields.integer("n", 0, 10), ApiError);
  EXPECT_THROW((void)fields.number("t", 0, 1), ApiError);
  EXPECT_EQ(fields.integer_up_to("huge", 0, 100), 100);
  EXPECT_THROW((void)fields.texts("s", 4), ApiError);
  EXPECT_FALSE(fields.has("none"));
  EXPECT_FALSE(fields.text("absent").has_value());
  try {
    (void)fields.boolean("t");
    FAIL();
  } catch (const ApiError& error) {
    EXPECT_EQ(error.status(), 400);
    EXPECT_EQ(error.parameter(), "t");
    EXPECT_STREQ(error.what(), "t: expected true or false, got an integer");
  }
}

TEST(Body, MustBeAnObject) {
  for (const char* text : {"", "[]", "3", "{", "{\"a\":1e999}", "\"\xff\""})
    EXPECT_THROW((void)parse_body(text), ApiError) << text;
  EXPECT_THROW((void)parse_body(std::string(100000, '[')), ApiError);
  EXPECT_EQ(parse_body(R"({"a": 1})").at("a").as_integer(), 1);
}

TEST(Target, IsDecodedOrRefused) {
  EXPECT_EQ(http::percent_decoded("/a%20b%2F"), "/a b/");
  for (const char* text : {"%", "%4", "%zz", "%00"}) EXPECT_FALSE(http::percent_decoded(text)) << text;
  http::Request request;
  request.query = "key=a%3Db&from=12&empty";
  EXPECT_EQ(request.query_value("key"), "a=b");
  EXPECT_EQ(request.query_value("from"), "12");
  EXPECT_EQ(request.query_value("empty"), "");
  EXPECT_FALSE(request.query_value("other"));
}

}  // namespace
}  // namespace paceline
