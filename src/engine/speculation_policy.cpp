#include "engine/speculation_policy.h"

#include <algorithm>

#include "engine/lookup_index.h"

namespace paceline {

namespace {

// A chain of confident drafts may go so much beyond the depth that is best on average.
constexpr int kDeeperThanAverage = 2;
constexpr int kFullChainInterval = 48;  // rounds until a chain runs to its end again, so that deeper drafts stay known
// A little patience before a chain is stopped: confidence says less than the averages do. Found on recorded traces.
constexpr double kPatience = 0.94;
constexpr double kSure = 0.95;  // a chain that is right so often needs no confidences, which take time of their own
constexpr int kCopyProbeInterval = 12;  // long repetitions passed over until one is tried again
constexpr double kProbeLoss = 0.005;  // of all time, by probes while plain decoding wins

// The step as far as it is planned, and what it is expected to settle.
class Company {
 public:
  explicit Company(const StepTimes& times) : times_(&times) {}

  void join() { ++rows_, ++tokens_; }
  // The draft at `depth` (from 1) of a sequence, which is reached and right with probability `gain`.
  void add_draft(int depth, double gain) { add_link(depth), add_rows(1, gain); }
  void remove_draft(int depth, double gain) {
    int& width = width_[static_cast<size_t>(depth) - 1];
    drafting_ -= times_->link(width) - times_->link(width - 1);
    --width, --rows_, tokens_ -= gain;
  }
  // The drafting alone, without the row that verifies it.
  void add_link(int depth) {
    int& width = width_[static_cast<size_t>(depth) - 1];
    drafting_ += times_->link(width + 1) - times_->link(width);
    ++width;
  }
  // Copies cost their rows and nothing else.
  void add_rows(int count, double gain) { rows_ += count, tokens_ += gain; }

  int rows() const { return rows_; }
  double rate() const { return tokens_ / (times_->verify.seconds(rows_) + drafting_); }
  // Seconds that the draft at `depth` would add, `already` drafts more than planned being there; a bump in the curve is spread over the
  // next two where two may follow.
  double seconds_of_next(int depth, int already, bool is_last) const {
    const int width = width_[static_cast<size_t>(depth) - 1], rows = rows_ + already;
    const double here = times_->verify.seconds(rows), one = times_->verify.seconds(rows + 1) - here;
    const double two = times_->verify.seconds(rows + 2) - here;
    return std::max(0.0, is_last ? one : std::min(one, two / 2)) + times_->link(width + 1) - times_->link(width);
  }

 private:
  const StepTimes* times_;
  int rows_ = 0;
  std::array<int, kMaxDrafts> width_{};
  double tokens_ = 0, drafting_ = 0;
};

// Probability that all of the first `depth` drafts of the head are right.
double reach(const AcceptanceAverages& averages, int depth) {
  double all = 1;
  for (int i = 1; i <= depth; ++i) all *= averages.conditional(i);
  return all;
}

void add_chain(Company& company, const PlannedRound& round, int depth) {
  for (int i = 1; i <= depth; ++i) company.add_draft(i, reach(round.history->head, i));
}

void remove_chain(Company& company, const PlannedRound& round) {
  for (int i = round.plan.head_drafts; i >= 1; --i) company.remove_draft(i, reach(round.history->head, i));
}

// Adds the `count` likeliest drafts that the limits leave, best first: a sequence's next draft is never likelier than the one before it.
// Returns after how many of them the rate was best; 0 when never above that without.
int add_likeliest(Company& company, std::span<PlannedRound> step, int count) {
  double best = company.rate();
  int best_count = 0;
  for (int i = 1; i <= count; ++i) {
    PlannedRound* likeliest = nullptr;
    double gain = -1;
    for (PlannedRound& round : step) {
      if (!round.limits.adapt || round.plan.head_drafts >= round.limits.head_drafts) continue;
      const double its = reach(round.history->head, round.plan.head_drafts + 1);
      if (its > gain) gain = its, likeliest = &round;
    }
    company.add_draft(++likeliest->plan.head_drafts, gain);
    if (company.rate() > best) best = company.rate(), best_count = i;
  }
  return best_count;
}

// The rate is looked at up to the last draft, which steps over bumps in the measured times. `fewer`: than the best number of drafts.
void choose_depths(Company& company, std::span<PlannedRound> step, int fewer) {
  int most = 0;
  for (const PlannedRound& round : step) most += round.limits.adapt ? round.limits.head_drafts : 0;
  Company tried = company;
  const int best = add_likeliest(tried, step, most);
  for (PlannedRound& round : step)
    if (round.limits.adapt) round.plan.head_drafts = 0;
  add_likeliest(company, step, best > fewer ? best - fewer : best);
}

// A further draft is worth its time when it settles more tokens in it than the step does on average.
void leave_chain_open(const Company& company, PlannedRound& round) {
  const int depth = round.plan.head_drafts;
  if (depth == 0) return;
  const bool is_full = ++round.history->rounds_since_full_chain >= kFullChainInterval;
  if (!is_full && reach(round.history->head, depth) > kSure) return;
  constexpr double kAlways = 1e-9;  // above 0, so that confidences are noted
  RoundPlan& plan = round.plan;
  plan.least_reach.fill(kAlways);
  if (is_full) {
    round.history->rounds_since_full_chain = 0;
    plan.head_drafts = std::min(round.limits.head_drafts, depth + 1);
    return;
  }
  plan.head_drafts = std::min(round.limits.head_drafts, depth + kDeeperThanAverage);
  for (int i = 1; i < plan.head_drafts; ++i) {
    const double more = company.seconds_of_next(i + 1, i - depth, i + 1 == plan.head_drafts);
    plan.least_reach[static_cast<size_t>(i) - 1] =
        std::max(kAlways, kPatience * company.rate() * more / round.history->head.conditional(i + 1));
  }
}

struct Copy {
  int count = 0;
  double rate = 0;
};

// The best number of copied drafts beside `others`, the step without any drafts of the sequence.
Copy best_copy(const Company& others, const AcceptanceAverages& acceptance, int most) {
  Copy best;
  for (int count = 1; count <= most; ++count) {
    Company company = others;
    company.add_rows(count, acceptance.expected_tokens(count) - 1);
    if (company.rate() > best.rate) best = {count, company.rate()};
  }
  return best;
}

void plan_copy(Company& company, PlannedRound& round) {
  const int most = round.limits.lookup_drafts;
  if (most == 0 || round.match_length == 0) return;
  SpeculationHistory& history = *round.history;
  Company others = company;
  remove_chain(others, round);
  if (round.match_length >= LookupIndex::kAlone) {
    const Copy copy = best_copy(others, history.alone, most);
    const bool is_probe = copy.rate <= company.rate() && ++history.copies_passed_over >= kCopyProbeInterval;
    if (copy.rate <= company.rate() && !is_probe) return;
    history.copies_passed_over = 0;
    others.add_rows(copy.count, history.alone.expected_tokens(copy.count) - 1);
    company = others;
    round.plan = {.head_drafts = 0, .lookup_drafts = copy.count};
  } else if (round.plan.head_drafts > 0) {
    // Behind one draft of the head, which is a row among those of the copy.
    others.add_link(1);
    const Copy copy = best_copy(others, history.agreed, most);
    if (copy.rate > company.rate()) round.plan.lookup_drafts = copy.count;
  }
}

}  // namespace

void SpeculationHistory::record(int head_drafts, int copied, int accepted) {
  if (copied == 0) head.record(head_drafts, accepted);
  else if (head_drafts == 0) alone.record(copied, accepted);
  else {
    head.record(head_drafts, std::min(accepted, head_drafts));
    // Only once the agreed draft was right does it show what the copy is worth.
    agreed.record(head_drafts + copied, accepted);
  }
}

SpeculationHistory SpeculationHistory::carried_over() const {
  SpeculationHistory next = *this;
  next.head = head.carried_over();
  next.alone = alone.carried_over();
  next.agreed = agreed.carried_over();
  return next;
}

// The interval keeps the loss of all probes at kProbeLoss.
bool SpeculationPolicy::wants_probe(double best_rate, double probe_rate) {
  const double loss = (1 - probe_rate / best_rate) / kProbeLoss;
  if (++rounds_since_probe_ < std::clamp(loss, 2.0, static_cast<double>(kProbeInterval))) return false;
  rounds_since_probe_ = 0;
  return true;
}

void SpeculationPolicy::plan(const StepTimes& times, std::span<PlannedRound> step) {
  Company company(times);
  bool adapts = false, may_draft = false;
  for (PlannedRound& round : step) {
    round.plan = {};
    company.join();
    adapts |= round.limits.adapt;
    may_draft |= round.limits.adapt && round.limits.head_drafts > 0;
    if (round.limits.adapt) continue;
    round.plan.head_drafts = round.limits.head_drafts;
    add_chain(company, round, round.plan.head_drafts);
  }
  // Plain decoding is what all is compared with, so it is timed first.
  if (adapts && !times.verify.measured(company.rows())) return;
  const Company plain = company;
  const bool is_shallow_probe = ++rounds_since_shallow_ >= kShallowInterval;
  if (is_shallow_probe) rounds_since_shallow_ = 0;
  choose_depths(company, step, is_shallow_probe ? 1 : 0);
  const bool drafts = company.rows() > plain.rows();
  paused_ = may_draft && !drafts;
  if (paused_) {
    PlannedRound& first = *std::find_if(step.begin(), step.end(), [](const PlannedRound& round) {
      return round.limits.adapt && round.limits.head_drafts > 0;
    });
    Company probe = company;
    probe.add_draft(1, reach(first.history->head, 1));
    if (wants_probe(company.rate(), probe.rate())) first.plan.head_drafts = 1, company = probe;
  } else if (drafts && ++rounds_since_probe_ >= 2 * kProbeInterval) {
    // The one round it was judged by may have been a slow one.
    rounds_since_probe_ = 0;
    for (PlannedRound& round : step)
      if (round.limits.adapt) round.plan = {};
    return;
  }
  for (PlannedRound& round : step) {
    const Company with_chain = company;
    plan_copy(company, round);
    if (round.limits.adapt && !is_shallow_probe) leave_chain_open(with_chain, round);
  }
}

}  // namespace paceline
