#include "app/knowledge_cache.h"

#include <gtest/gtest.h>

namespace paceline {
namespace {

SpeculationKnowledge some_knowledge() {
  SpeculationKnowledge known;
  known.times.verify.record(1, 0.02), known.times.verify.record(4, 0.03), known.times.draft.record(1, 0.001);
  known.draft_ids = {70000, 50000, 248000};
  return known;
}

TEST(KnowledgeCache, TextComesBackAsItWas) {
  const SpeculationKnowledge known = some_knowledge(), back = parse_knowledge(knowledge_text(known));
  EXPECT_DOUBLE_EQ(back.times.verify.median(1), 0.02);
  EXPECT_DOUBLE_EQ(back.times.verify.median(4), 0.03);
  EXPECT_FALSE(back.times.verify.measured(2));
  EXPECT_DOUBLE_EQ(back.times.draft.median(1), 0.001);
  EXPECT_EQ(back.draft_ids, known.draft_ids);
}

TEST(KnowledgeCache, DamagedTextGivesNothing) {
  const std::string whole = knowledge_text(some_knowledge());
  for (size_t length = 0; length + 2 < whole.size(); length += 7) {
    const SpeculationKnowledge known = parse_knowledge(whole.substr(0, length));
    EXPECT_FALSE(known.times.verify.any_measured()) << length;
    EXPECT_TRUE(known.draft_ids.empty()) << length;
  }
  // Of another version, and values that no machine measures.
  EXPECT_FALSE(parse_knowledge(R"({"head_s":[0.1],"lookup_s":[0.1]})").times.verify.any_measured());
  const auto odd = parse_knowledge(R"({"verify_s":[-1,0,1e9,"x",0.5],"draft_s":[null],"draft_ids":[-5,1e30,7]})");
  EXPECT_FALSE(odd.times.verify.measured(1));
  EXPECT_FALSE(odd.times.verify.measured(3));
  EXPECT_TRUE(odd.times.verify.measured(5));
  EXPECT_EQ(odd.draft_ids, std::vector<Token>{7});
}

TEST(KnowledgeCache, MoreRowsThanATableHasAreLeftOut) {
  std::string many = "{\"verify_s\":[";
  for (int i = 0; i < 100; ++i) many += i == 0 ? "0.1" : ",0.1";
  const auto known = parse_knowledge(many + R"(],"draft_s":[],"draft_ids":[]})");
  EXPECT_TRUE(known.times.verify.measured(1 + kMaxLookupDrafts));
}

}  // namespace
}  // namespace paceline
