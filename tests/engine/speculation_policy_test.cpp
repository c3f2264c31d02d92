// The policy judged on recorded traces: at every position of a text, how many of six drafts were right and how sure the head was of each
// (bench/acceptance.cpp). Any policy can be replayed on them exactly; the seconds
// of a round are two made-up curves of the kinds that machines have and four measured ones.
#include "engine/speculation_policy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "base/random.h"
#include "engine/lookup_index.h"

namespace paceline {
namespace {

struct Position {
  int right = 0;
  std::vector<float> confidences;
};

std::vector<Position> read_trace(const std::string& name) {
  std::ifstream file(PACELINE_TEST_DATA "/engine/traces/" + name + ".txt");
  std::vector<Position> trace;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream words(line);
    Position position;
    words >> position.right;
    for (float percent = 0; words >> percent;) position.confidences.push_back(percent / 100);
    trace.push_back(position);
  }
  EXPECT_GT(trace.size(), 50u) << name;
  return trace;
}

// A machine: milliseconds of a verify pass by its rows, 1 … 16, and of a draft.
struct Machine {
  const char* name;
  std::array<double, 1 + kMaxLookupDrafts> verify;
  double draft;

  double round(int drafts) const { return verify[static_cast<size_t>(drafts)] + drafts * draft; }
};

constexpr Machine straight(const char* name, double first, double row, double draft) {
  Machine machine{name, {}, draft};
  for (size_t i = 0; i < machine.verify.size(); ++i) machine.verify[i] = first + row * static_cast<double>(i);
  return machine;
}

const Machine kMachines[] = {
    straight("in between", 36, 4.2, 1.6),
    // Measured: 2 Zen 4 cores, the model in the box and 0.8B Q4_K_M, older kernels and later ones at three paces of the memory.
    {"tiny", {.107, .15, .185, .206, .251, .287, .335, .369, .42, .46, .50, .54, .584, .62, .66, .70}, .028},
    {"0.8B", {15.4, 18.1, 20.4, 21.4, 25.1, 28.0, 31.9, 32.2, 36.0, 39, 42, 45, 48, 51, 54, 57}, 1.2},
    straight("bound by memory", 20, 0.5, 1),
    {"36 GB/s", {15.4, 15.8, 16.3, 17.0, 19.5, 22.4, 26.6, 26.6, 31, 35, 38.5, 41.5, 44.5, 47.5, 50.5, 53.5}, 0.8},
    {"45 GB/s", {12.2, 13.0, 14.5, 16.9, 19.9, 23.1, 28.4, 29.0, 33, 37, 40.5, 43.5, 46.5, 49.5, 52.5, 55.5}, 0.7},
};

// One machine, or what one is in turns that shares its memory with others: the best depth changes with its pace.
using Paces = std::span<const Machine>;
constexpr double kPaceMilliseconds = 3000;
const Paces kThreePaces(kMachines + std::size(kMachines) - 3, 3);

const Machine& pace_at(Paces paces, double milliseconds) {
  return paces[static_cast<size_t>(milliseconds / kPaceMilliseconds) % paces.size()];
}

constexpr int kTokens = 12000;

// Drafts that a round may have when `answered` of an answer's `answer` tokens are there; 0: one long answer.
int most_drafts(int answer, int answered) {
  return answer > 0 ? std::min(kMaxDrafts, answer - answered - 1) : kMaxDrafts;
}

// Where a replay stands in the recorded text, which it goes through again and again, each time from one token later on: passes would
// otherwise fall on the same tokens for ever, and luck with these decide which depth is best.
struct Place {
  size_t at = 0, laps = 0;
  void advance(int tokens, size_t size) {
    at += static_cast<size_t>(tokens);
    if (at >= size) at = ++laps % (size / 2);
  }
};

double fixed_rate(const std::vector<Position>& trace, Paces paces, int depth, int answer) {
  double seconds = 0;
  int tokens = 0, answered = 0;
  for (Place place; tokens < kTokens;) {
    const int drafted = std::min(depth, most_drafts(answer, answered));
    const int settled = 1 + std::min(drafted, trace[place.at].right);
    tokens += settled, answered += settled, place.advance(settled, trace.size());
    if (answer > 0 && answered >= answer) answered = 0;
    seconds += pace_at(paces, seconds).round(drafted);
  }
  return tokens / seconds;
}

struct Replay {
  double rate = 0;
  int paused = 0;
};

// Drafts of a plan, stopped where the chain is not sure enough any more, as MtpDrafter does, or where the recorded one ended with its text.
int chain_length(const RoundPlan& plan, const ConfidenceTable& table, const Position& position) {
  const int most = std::min(plan.head_drafts, static_cast<int>(position.confidences.size()));
  double reach = 1;
  for (int depth = 1; depth <= most; ++depth) {
    reach *= table.acceptance(position.confidences[static_cast<size_t>(depth - 1)]);
    const double least = plan.least_reach[static_cast<size_t>(depth - 1)];
    if (least > 0 && reach < least) return depth;
  }
  return most;
}

// What clocks show on a machine with other work: 5 % more or less, and one round in thirty three times as long.
double clock_noise(uint64_t round) {
  return unit_interval(random_word(7, round)) < 1.0 / 30 ? 3 : 0.95 + 0.1 * unit_interval(random_word(8, round));
}

Replay policy_rate(const std::vector<Position>& trace, Paces paces, bool noisy = false, int answer = 0) {
  StepTimes times;
  SpeculationPolicy policy;
  SpeculationHistory history;
  Replay replay;
  double seconds = 0;
  int tokens = 0, answered = 0;
  uint64_t rounds = 0;
  for (Place place; tokens < kTokens;) {
    PlannedRound round{&history, {most_drafts(answer, answered), 0, true}, 0, {}};
    policy.plan(times, std::span(&round, 1));
    const Position& position = trace[place.at];
    const Machine& machine = pace_at(paces, seconds);
    const int drafted = chain_length(round.plan, history.confidence, position);
    const int accepted = std::min(drafted, position.right), drafts[] = {drafted};
    const double noise = noisy ? clock_noise(rounds++) : 1;
    times.record(1 + drafted, drafts, drafted * machine.draft * noise,
                 machine.verify[static_cast<size_t>(drafted)] * noise);
    history.record(drafted, 0, accepted);
    for (int i = 0; i < drafted && i <= accepted; ++i)
      if (round.plan.least_reach[0] > 0)
        history.confidence.record(position.confidences[static_cast<size_t>(i)], i < accepted);
    seconds += machine.round(drafted), tokens += 1 + accepted, answered += 1 + accepted;
    if (answer > 0 && answered >= answer) answered = 0, history = history.carried_over();
    place.advance(1 + accepted, trace.size());
    replay.paused += policy.paused();
  }
  replay.rate = tokens / seconds;
  return replay;
}

double best_fixed_rate(const std::vector<Position>& trace, Paces paces, int answer = 0) {
  double best = 0;
  for (int depth = 0; depth <= kMaxDrafts; ++depth) best = std::max(best, fixed_rate(trace, paces, depth, answer));
  return best;
}

class Traces : public testing::TestWithParam<const char*> {};

TEST_P(Traces, PolicyIsCloseToTheBestFixedDepth) {
  const std::vector<Position> trace = read_trace(GetParam());
  for (const Machine& machine : kMachines) {
    const double share = policy_rate(trace, {&machine, 1}).rate / best_fixed_rate(trace, {&machine, 1});
    EXPECT_GE(share, 0.98) << machine.name;
    std::printf("  %s, %s: %.3f of the best fixed depth\n", GetParam(), machine.name, share);
  }
}

// As users have it: short answers, timed by clocks that tell of other work, too.
TEST_P(Traces, AndInShortAnswersOnABusyMachine) {
  const std::vector<Position> trace = read_trace(GetParam());
  for (const Machine& machine : kMachines) {
    const double share = policy_rate(trace, {&machine, 1}, true, 48).rate / best_fixed_rate(trace, {&machine, 1}, 48);
    EXPECT_GE(share, 0.97) << machine.name;
    std::printf("  %s, %s, busy: %.3f of the best fixed depth\n", GetParam(), machine.name, share);
  }
}

TEST_P(Traces, AndOnAMachineThatChangesItsPace) {
  const std::vector<Position> trace = read_trace(GetParam());
  for (const int answer : {0, 48}) {
    const double share =
        policy_rate(trace, kThreePaces, answer > 0, answer).rate / best_fixed_rate(trace, kThreePaces, answer);
    EXPECT_GE(share, answer > 0 ? 0.97 : 0.98) << answer;
    std::printf("  %s, three paces, answers of %d: %.3f of the best fixed depth\n", GetParam(), answer, share);
  }
}

// Milliseconds of a pass of more rows than were measured: the last ones go on as they did.
double verify_milliseconds(const Machine& machine, int rows) {
  const int measured = static_cast<int>(machine.verify.size());
  if (rows <= measured) return machine.verify[static_cast<size_t>(rows) - 1];
  const double slope = (machine.verify.back() - machine.verify[static_cast<size_t>(measured) - 5]) / 4;
  return machine.verify.back() + (rows - measured) * slope;
}

// A link of the chain of drafts that several take part in costs little more than one of one.
double link_milliseconds(const Machine& machine, int sequences) { return machine.draft * (1 + 0.1 * (sequences - 1)); }

constexpr int kClients = 8, kManyTokens = 16000;

// Tokens per millisecond of eight who read the same text, each from another place on, timed by a clock that tells of other work, too. depth:
// of all, always; -1: as the policy plans.
double rate_of_many(const std::vector<Position>& trace, const Machine& machine, int depth) {
  StepTimes times(kClients);
  SpeculationPolicy policy;
  std::vector<SpeculationHistory> histories(kClients);
  std::vector<PlannedRound> rounds;
  std::vector<Place> places(kClients);
  for (size_t i = 0; i < kClients; ++i) {
    rounds.push_back({&histories[i], {kMaxDrafts, 0, true}, 0, {}});
    places[i].at = trace.size() / kClients * i;
  }
  double milliseconds = 0;
  int tokens = 0;
  uint64_t rounds_done = 0;
  while (tokens < kManyTokens) {
    if (depth < 0) policy.plan(times, rounds);
    std::array<int, kMaxDrafts> width{};
    std::vector<int> drafts;
    int rows = kClients;
    for (size_t i = 0; i < kClients; ++i) {
      const Position& position = trace[places[i].at];
      if (depth >= 0) rounds[i].plan = {.head_drafts = depth};
      const RoundPlan& plan = rounds[i].plan;
      const int drafted = chain_length(plan, histories[i].confidence, position),
                accepted = std::min(drafted, position.right);
      drafts.push_back(drafted), rows += drafted, tokens += 1 + accepted;
      for (int k = 0; k < drafted; ++k) ++width[static_cast<size_t>(k)];
      histories[i].record(drafted, 0, accepted);
      for (int k = 0; k < drafted && k <= accepted; ++k)
        if (plan.least_reach[0] > 0)
          histories[i].confidence.record(position.confidences[static_cast<size_t>(k)], k < accepted);
      places[i].advance(1 + accepted, trace.size());
    }
    double drafting = 0;
    for (const int sequences : width) drafting += sequences > 0 ? link_milliseconds(machine, sequences) : 0;
    const double noise = clock_noise(rounds_done++);
    times.record(rows, drafts, drafting * noise, verify_milliseconds(machine, rows) * noise);
    milliseconds += drafting + verify_milliseconds(machine, rows);
  }
  return tokens / milliseconds;
}

// With many, each number of rows is seen seldom: what its neighbours took has to count, or one slow round keeps the step from it.
TEST_P(Traces, AndWithEightAtOnce) {
  const std::vector<Position> trace = read_trace(GetParam());
  for (const Machine& machine : kMachines) {
    double best = 0;
    int best_depth = 0;
    for (int depth = 0; depth <= kMaxDrafts; ++depth)
      if (const double rate = rate_of_many(trace, machine, depth); rate > best) best = rate, best_depth = depth;
    const double share = rate_of_many(trace, machine, -1) / best;
    EXPECT_GE(share, 0.94) << machine.name;
    std::printf("  %s, %s, eight at once: %.3f of the best fixed depth, %d\n", GetParam(), machine.name, share,
                best_depth);
  }
}

INSTANTIATE_TEST_SUITE_P(Recorded, Traces,
                         testing::Values("demo-code", "demo-devops", "demo-maths", "demo-prose", "demo-warm", "synth-0",
                                         "synth-30", "synth-70", "synth-100"),
                         [](const auto& trace) {
                           std::string name = trace.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(SpeculationPolicy, PausesTheHeadWhereItIsHopeless) {
  const std::vector<Position> hopeless(100, {0, std::vector<float>(kMaxDrafts, 0.2f)});
  const Replay replay = policy_rate(hopeless, {&kMachines[0], 1});
  EXPECT_GT(replay.paused, kTokens * 9 / 10);
  EXPECT_GE(replay.rate, 0.98 / kMachines[0].round(0));
}

TEST(SpeculationPolicy, NoticesThatDraftsBecameGood) {
  std::vector<Position> trace(4000, {0, std::vector<float>(kMaxDrafts, 0.6f)});
  trace.resize(40000, {kMaxDrafts, std::vector<float>(kMaxDrafts, 0.6f)});
  EXPECT_LT(policy_rate(trace, {&kMachines[0], 1}).paused, 4500);
}

// A slow first measurement of a depth must not keep the policy from it (it did: one draft for ever, where three were right).
TEST(SpeculationPolicy, GetsOverASlowMeasurement) {
  const Machine& machine = kMachines[1];
  StepTimes times;
  const int none[] = {0}, two[] = {2};
  times.record(1, none, 0, machine.verify[0]);
  times.record(3, two, 2 * machine.draft, 4 * machine.verify[2]);
  SpeculationHistory history;
  int depth = 0;
  for (int i = 0; i < 300; ++i) {
    SpeculationPolicy policy;
    PlannedRound round{&history, {kMaxDrafts, 0, true}, 0, {}};
    policy.plan(times, std::span(&round, 1));
    depth = chain_length(round.plan, history.confidence, {kMaxDrafts, std::vector<float>(kMaxDrafts, 0.99f)});
    const int drafts[] = {depth};
    times.record(1 + depth, drafts, depth * machine.draft, machine.verify[static_cast<size_t>(depth)]);
    history.record(depth, 0, depth);
  }
  EXPECT_GE(depth, 3);
}

// Rounds where a repetition is at hand: all or none of what it suggests is right.
double copying_rate(bool right, int& widest) {
  StepTimes times;
  SpeculationPolicy policy;
  SpeculationHistory history;
  double seconds = 0;
  int tokens = 0;
  const int no_head[] = {0};
  while (tokens < kTokens) {
    PlannedRound round{&history, {0, kMaxLookupDrafts, true}, LookupIndex::kAlone, {}};
    policy.plan(times, std::span(&round, 1));
    const int copied = round.plan.lookup_drafts, accepted = right ? copied : 0;
    const double spent = 20 + 1.2 * copied;
    times.record(1 + copied, no_head, 0, spent);
    history.record(0, copied, accepted);
    seconds += spent, tokens += 1 + accepted, widest = std::max(widest, copied);
  }
  return tokens / seconds;
}

TEST(SpeculationPolicy, CopiesWideWhereItIsRightAndStopsWhereItIsNot) {
  int widest = 0;
  EXPECT_GE(copying_rate(true, widest), 0.98 * 16 / (20 + 1.2 * 15));
  EXPECT_EQ(widest, kMaxLookupDrafts);
  EXPECT_GE(copying_rate(false, widest), 0.98 / 20);
}

TEST(SpeculationPolicy, ShortRepetitionsNeedTheHead) {
  StepTimes times;
  times.verify.record(1, 20);
  SpeculationHistory history;
  PlannedRound alone{&history, {0, kMaxLookupDrafts, true}, LookupIndex::kShortest, {}}, both = alone;
  both.limits.head_drafts = 3;
  SpeculationPolicy().plan(times, std::span(&alone, 1));
  EXPECT_EQ(alone.plan.lookup_drafts, 0);
  SpeculationPolicy().plan(times, std::span(&both, 1));
  EXPECT_GT(both.plan.head_drafts, 0);
  EXPECT_GT(both.plan.lookup_drafts, 3);
}

TEST(SpeculationPolicy, TimesPlainDecodingFirst) {
  SpeculationHistory history;
  PlannedRound round{&history, {kMaxDrafts, kMaxLookupDrafts, true}, LookupIndex::kAlone, {}};
  SpeculationPolicy().plan(StepTimes(), std::span(&round, 1));
  EXPECT_EQ(round.plan.head_drafts + round.plan.lookup_drafts, 0);
}

TEST(SpeculationPolicy, AFixedDepthIsTakenAsItIs) {
  SpeculationHistory history;
  for (int i = 0; i < 500; ++i) history.record(3, 0, 0);
  PlannedRound round{&history, {3, 0, false}, 0, {}};
  SpeculationPolicy policy;
  policy.plan(StepTimes(), std::span(&round, 1));
  EXPECT_EQ(round.plan.head_drafts, 3);
  EXPECT_EQ(round.plan.least_reach, LeastReach{});
  EXPECT_FALSE(policy.paused());
}

// Many at once: rows cost what they cost a batch that is already wide, and those whose drafts are right get them.
struct Batch {
  explicit Batch(int count) : times(count), histories(static_cast<size_t>(count)) {
    for (int rows = 1; rows <= times.verify.most_rows(); ++rows)
      for (int i = 0; i < 7; ++i) times.verify.record(rows, rows <= 8 ? 20 + 0.2 * rows : 20 + 5.0 * (rows - 8));
    for (int i = 0; i < 7; ++i) times.draft.record(1, 0.8), times.draft.record(count, 1.0);
    for (SpeculationHistory& history : histories) rounds.push_back({&history, {kMaxDrafts, 0, true}, 0, {}});
  }
  int drafts() {
    policy.plan(times, rounds);
    int sum = 0;
    for (const PlannedRound& round : rounds) sum += round.plan.head_drafts;
    return sum;
  }
  StepTimes times;
  std::vector<SpeculationHistory> histories;
  std::vector<PlannedRound> rounds;
  SpeculationPolicy policy;
};

TEST(SpeculationPolicy, AFullBatchDraftsLess) {
  Batch one(1), eight(8);
  EXPECT_GE(one.drafts(), 3);
  EXPECT_LE(eight.drafts(), 2);
}

TEST(SpeculationPolicy, TheLikelierDraftsOfABatchComeFirst) {
  Batch batch(4);
  for (int i = 0; i < 200; ++i) batch.histories[2].record(6, 0, 6), batch.histories[0].record(1, 0, 0);
  batch.drafts();
  EXPECT_EQ(batch.rounds[0].plan.head_drafts, 0);
  EXPECT_GE(batch.rounds[2].plan.head_drafts, 3);
}

TEST(SpeculationPolicy, AFixedOneInABatchKeepsItsDepth) {
  Batch batch(4);
  batch.rounds[1].limits = {5, 0, false};
  batch.drafts();
  EXPECT_EQ(batch.rounds[1].plan.head_drafts, 5);
}

TEST(SpeculationPolicy, CopiesInABatchCountItsRows) {
  Batch one(1), eight(8);
  for (Batch* batch : {&one, &eight}) {
    batch->rounds[0].limits.lookup_drafts = kMaxLookupDrafts, batch->rounds[0].match_length = LookupIndex::kAlone;
    batch->drafts();
  }
  EXPECT_GE(one.rounds[0].plan.lookup_drafts, 7);
  EXPECT_LT(eight.rounds[0].plan.lookup_drafts, one.rounds[0].plan.lookup_drafts);
}

TEST(SpeculationHistory, CarriesOverWhatItLearned) {
  SpeculationHistory history;
  for (int i = 0; i < 500; ++i) history.record(3, 0, 0);
  history = history.carried_over();
  EXPECT_LT(history.head.conditional(1), 0.2);
  for (int i = 0; i < 40; ++i) history.record(3, 0, 3);
  EXPECT_GT(history.head.conditional(1), 0.7) << "an earlier text counts for a few observations only";
}

TEST(ConfidenceTable, LearnsWhatTheHeadsWordIsWorth) {
  ConfidenceTable table;
  EXPECT_NEAR(table.acceptance(0.85f), 0.85, 0.01);
  for (int i = 0; i < 400; ++i) table.record(0.85f, i % 4 == 0);
  EXPECT_NEAR(table.acceptance(0.85f), 0.25, 0.03);
  EXPECT_NEAR(table.acceptance(0.15f), 0.15, 0.01);
  EXPECT_LE(table.acceptance(1.0f), 1.0);
}

}  // namespace
}  // namespace paceline
