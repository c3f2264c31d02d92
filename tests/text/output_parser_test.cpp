#include "text/output_parser.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/text/output_samples.h"

namespace paceline {

void PrintTo(const OutputEvent& event, std::ostream* out) {
  static const char* const names[] = {"reasoning", "answer", "call"};
  *out << names[static_cast<int>(event.kind)] << " \"" << event.text << "\" " << event.call.name
       << event.call.arguments.dump();
}

namespace {

using Events = std::vector<OutputEvent>;

using testing::join;

// `cuts`: ascending positions in the text.
Events parse(const testing::OutputSample& sample, const std::vector<size_t>& cuts) {
  OutputParser parser(sample.format);
  Events events;
  size_t at = 0;
  for (const size_t cut : cuts) {
    join(events, parser.push(std::string_view(sample.text).substr(at, cut - at)));
    at = cut;
  }
  join(events, parser.push(std::string_view(sample.text).substr(at)));
  join(events, parser.finish());
  return events;
}

std::vector<testing::OutputSample> all_samples() {
  std::vector<testing::OutputSample> samples = testing::written_samples();
  for (testing::OutputSample& sample : testing::drawn_samples(160)) samples.push_back(std::move(sample));
  return samples;
}

TEST(OutputParser, SaysWhatTheOutputMeans) {
  const std::vector<testing::OutputSample> samples = all_samples();
  EXPECT_GE(samples.size(), 200u);
  for (const testing::OutputSample& sample : samples)
    EXPECT_EQ(parse(sample, {}), sample.events) << sample.name << ": " << sample.text;
}

// Every way to cut a text into any number of parts, 2^(n-1) of them: when going on from any position i to any later j leaves the parser
// and the events as the byte-by-byte run has them at j, then by induction each sequence of cuts ends where that run ends.
void expect_same_for_all_cuts(const testing::OutputSample& sample) {
  const std::string_view text = sample.text;
  std::vector<OutputParser> parsers = {OutputParser(sample.format)};
  std::vector<Events> events = {{}};
  for (size_t at = 0; at < text.size(); ++at) {
    OutputParser next = parsers.back();
    Events joined = events.back();
    join(joined, next.push(text.substr(at, 1)));
    parsers.push_back(std::move(next));
    events.push_back(std::move(joined));
  }
  for (size_t from = 0; from < text.size(); ++from) {
    for (size_t to = from + 2; to <= text.size(); ++to) {
      OutputParser parser = parsers[from];
      Events joined = events[from];
      join(joined, parser.push(text.substr(from, to - from)));
      ASSERT_TRUE(parser == parsers[to]) << sample.name << ", a push from " << from << " to " << to << ": " << text;
      ASSERT_EQ(joined, events[to]) << sample.name << ", a push from " << from << " to " << to << ": " << text;
    }
  }
  join(events.back(), parsers.back().finish());
  ASSERT_EQ(events.back(), sample.events) << sample.name << ": " << text;
}

TEST(OutputParser, IsTheSameForEverySplitOfRecordedOutputs) {
  const std::vector<testing::OutputSample> samples = testing::recorded_samples();
  EXPECT_GE(samples.size(), 200u);
  for (const testing::OutputSample& sample : samples) expect_same_for_all_cuts(sample);
}

TEST(OutputParser, IsTheSameForEverySplitOfShortSamples) {
  int tried = 0;
  for (const testing::OutputSample& sample : all_samples()) {
    if (sample.text.size() > 250) continue;
    ++tried;
    expect_same_for_all_cuts(sample);
  }
  EXPECT_GE(tried, 80);
}

// Each way to cut the long ones in two, and many ways to cut them in more.
TEST(OutputParser, IsTheSameForManySplitsOfLongSamples) {
  std::mt19937_64 random(3);
  for (const testing::OutputSample& sample : all_samples()) {
    if (sample.text.size() <= 250) continue;
    for (size_t at = 0; at < sample.text.size(); ++at)
      ASSERT_EQ(parse(sample, {at}), sample.events) << sample.name << ", cut at " << at << ": " << sample.text;
    for (int round = 0; round < 30; ++round) {
      std::vector<size_t> cuts;
      for (size_t at = 0; at < sample.text.size(); at += 1 + random() % 20) cuts.push_back(at);
      ASSERT_EQ(parse(sample, cuts), sample.events) << sample.name << ": " << sample.text;
    }
  }
}

TEST(OutputParser, TextComesAsSoonAsItIsDecided) {
  OutputParser parser(testing::with_tools(false));
  EXPECT_EQ(parser.push("Hello"), Events{testing::answer("Hello")});
  EXPECT_EQ(parser.push(" world "), Events{testing::answer(" world")});
  EXPECT_EQ(parser.push("<"), Events{});
  EXPECT_EQ(parser.push("b>"), Events{testing::answer(" <b>")});
  EXPECT_EQ(parser.push("<tool_call>\n{\"name\": \"f\"}\n</tool_call"), Events{});
  EXPECT_EQ(parser.push(">"), Events{testing::call("f", "{}")});
  EXPECT_EQ(parser.finish(), Events{});
}

// Hostile outputs are linear work: a megabyte, whole and in pieces, would not end in the time a test has if it were not.
TEST(OutputParser, LongOutputsEndTheSameInPieces) {
  for (const char* unit :
       {"<", "<tool_call>", "<tool_call></tool_call>", "<function=", "\n<function=f>", "</function>", "</tool_call>",
        "<think>", "</think>", " ", "<tool_call>{\"", "<tool_call><function=f><parameter=a>", "</parameter>"}) {
    for (const char* start : {"", "\n<function=f>\n<parameter=a>\n", "<tool_call>\n<function=f>\n<parameter=a>\n"}) {
      testing::OutputSample sample{unit, start, testing::with_tools(false), {}};
      while (sample.text.size() < 1'000'000) sample.text += unit;
      const bool same = parse(sample, {}) == parse(sample, {250'001, 500'003, 999'999});
      ASSERT_TRUE(same) << start << " and " << unit;
    }
  }
}

}  // namespace
}  // namespace paceline
