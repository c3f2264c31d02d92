#include "app/load_workload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/load_runs.h"

namespace paceline {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Trace, ReadsMooncake) {
  const auto entries = parse_trace(
      "{\"timestamp\": 500, \"input_length\": 1030, \"output_length\": 7, \"hash_ids\": [0, 1, 2]}\n"
      "{\"timestamp\": 3000, \"input_length\": 5, \"output_length\": 1, \"hash_ids\": []}\n",
      "trace", 10);
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_DOUBLE_EQ(entries[0].seconds, 0.5);
  EXPECT_EQ(entries[0].prompt_tokens, 1030);
  EXPECT_EQ(entries[0].answer_tokens, 7);
  EXPECT_THAT(entries[0].blocks, ElementsAre(0, 1, 2));
  EXPECT_TRUE(entries[1].blocks.empty());
}

TEST(Trace, ReadsAzure) {
  const auto entries = parse_trace(
      "TIMESTAMP,ContextTokens,GeneratedTokens\r\n2023-11-16 23:59:59.5000000,374,44\r\n2023-11-17 00:00:01.25,396,109",
      "trace", 10);
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_NEAR(entries[1].seconds - entries[0].seconds, 1.75, 1e-6);
  EXPECT_EQ(entries[1].prompt_tokens, 396);
  EXPECT_EQ(entries[1].answer_tokens, 109);
}

TEST(Trace, StopsAtTheCount) { EXPECT_EQ(parse_trace("2023-11-16 18:17:03,1,1\n", "t", 1).size(), 1u); }

TEST(Trace, RefusesWhatIsNone) {
  const auto error = [](const char* text) {
    try {
      parse_trace(text, "t.csv", 10);
    } catch (const Error& caught) {
      return std::string(caught.what());
    }
    return std::string("none");
  };
  EXPECT_THAT(error(""), HasSubstr("holds no request"));
  EXPECT_THAT(error("hello\n"), HasSubstr("t.csv, line 1"));
  EXPECT_THAT(error("2023-11-16 18:17:03,1,1\n2023-11-16 18:17:03,-1,1"), HasSubstr("line 2: -1 tokens"));
  EXPECT_THAT(error("2023-11-16 18:17:0x,1,1"), HasSubstr("expected seconds"));
  EXPECT_THAT(error("2023-11-16 18:17:03,99999999999,1"), HasSubstr("a number of tokens"));
  EXPECT_THAT(error("{\"timestamp\": 1}"), HasSubstr("input_length"));
  EXPECT_THAT(error("{\"timestamp\": 1, \"input_length\": -3, \"output_length\": 1}"), HasSubstr("input_length is -3"));
  EXPECT_THAT(error("2023-11-16 18:17:nan,1,1"), HasSubstr("line 1"));
}

TEST(Percentile, IsAValueThatOccurred) {
  EXPECT_EQ(percentile({{3, 1, 2}}, 0.5), 2);
  EXPECT_EQ(percentile({{3, 1, 2}}, 0.95), 3);
  EXPECT_EQ(percentile({{3, 1, 2}}, 0), 1);
  EXPECT_EQ(percentile({}, 0.5), 0);
}

}  // namespace
}  // namespace paceline
