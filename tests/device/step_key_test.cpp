// The form of a step: what a key depends on, and what it must not depend on.
#include "device/step_key.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "device/device.h"

namespace paceline {
namespace {

class Form : public testing::Test {
 protected:
  Form() {
    shape.kv = {{1, 32, DType::F32, DType::F32}};
    shape.recurrent = {{1, 1, 16, 48, 4}};
    shape.max_length = 64;
    shape.max_generate_rows = 4;
    for (std::optional<SequenceState>& state : states) state.emplace(*device, shape);
  }

  // Segments of (state, rows) in order, each where its state stands.
  std::vector<Segment> segments_of(const std::vector<std::pair<int, int>>& wanted, Phase phase = Phase::Generate) {
    std::vector<Segment> out;
    int row = 0;
    for (const auto& [state, rows] : wanted) {
      SequenceState& mine = *states[static_cast<size_t>(state)];
      out.push_back({&mine, row, rows, mine.length(), phase});
      row += rows;
    }
    return out;
  }
  uint64_t key_of(const std::vector<std::pair<int, int>>& wanted) { return StepKey(segments_of(wanted)).value(); }
  void step(int state, int rows, int commit) {
    states[static_cast<size_t>(state)]->begin_step(rows, Phase::Generate);
    states[static_cast<size_t>(state)]->commit(commit);
  }

  std::unique_ptr<Device> device = open_device({.kind = "reference", .threads = 0, .isa = ""});
  StateShape shape;
  std::optional<SequenceState> states[3];
};

TEST_F(Form, StaysWhilePositionsReplaysAndRecordsChange) {
  const uint64_t key = key_of({{0, 3}, {1, 2}});
  EXPECT_NE(key, 0u);
  for (const int commit : {3, 0, 1, 2}) {
    step(0, 3, commit);
    step(1, 2, commit % 3);
    EXPECT_EQ(key_of({{0, 3}, {1, 2}}), key);
  }
}

TEST_F(Form, IsRowsAndSequencesInTheirOrder) {
  std::vector<uint64_t> keys = {key_of({{0, 3}, {1, 2}}), key_of({{0, 2}, {1, 3}}), key_of({{1, 3}, {0, 2}}),
                                key_of({{0, 3}, {2, 2}}), key_of({{0, 3}}),         key_of({{0, 3}, {1, 2}, {2, 1}})};
  std::sort(keys.begin(), keys.end());
  EXPECT_EQ(std::adjacent_find(keys.begin(), keys.end()), keys.end());
}

TEST_F(Form, IsHowFarSegmentsOfASequenceAreApart) {
  std::vector<Segment> segments = segments_of({{0, 2}, {1, 1}, {0, 1}});
  const uint64_t near = StepKey(segments).value();
  segments[2].first_position += 2;
  const uint64_t behind = StepKey(segments).value();
  EXPECT_NE(near, behind);
  for (Segment& segment : segments) segment.first_position += 9;
  EXPECT_EQ(StepKey(segments).value(), behind);
}

TEST_F(Form, IsTheMemoryOfASequenceAndNotWhereItsObjectIs) {
  const uint64_t first = key_of({{0, 3}}), second = key_of({{1, 3}});
  std::optional<SequenceState> moved(std::move(states[0]));
  states[0].reset();
  states[0].emplace(std::move(*states[1]));
  EXPECT_EQ(key_of({{0, 3}}), second);
  const Segment segment{&*moved, 0, 3, 0, Phase::Generate};
  EXPECT_EQ(StepKey(std::span(&segment, 1)).value(), first);
}

TEST_F(Form, OfAPromptDoesNotComeAgain) {
  std::vector<Segment> segments = segments_of({{0, 3}, {1, 2}});
  segments[1].phase = Phase::Prompt;
  EXPECT_EQ(StepKey(segments).with(5).value(), 0u);
}

TEST_F(Form, IsEveryTensorAndNumberGiven) {
  const std::vector<Segment> segments = segments_of({{0, 3}});
  const OwnedTensor tensor = device->allocate(DType::F32, 4, 8);
  std::vector<uint64_t> keys = {StepKey(segments).value(),
                                StepKey(segments).with(1).value(),
                                StepKey(segments).with(2).value(),
                                StepKey(segments).with(1).with(2).value(),
                                StepKey(segments).with(2).with(1).value(),
                                StepKey(segments).with(tensor).value(),
                                StepKey(segments).with(tensor.row_range(0, 3)).value(),
                                StepKey(segments).with(tensor.row_range(1, 3)).value(),
                                StepKey(segments).with(tensor.columns(0, 4)).value()};
  std::sort(keys.begin(), keys.end());
  EXPECT_EQ(std::adjacent_find(keys.begin(), keys.end()), keys.end());
  EXPECT_EQ(StepKey(segments).with(tensor).value(), StepKey(segments).with(tensor).value());
}

}  // namespace
}  // namespace paceline
