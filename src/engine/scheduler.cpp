#include "engine/scheduler.h"

#include <algorithm>

namespace paceline {

namespace {

constexpr int kFirstChunk = 64;  // rows, while others generate and nothing has been timed
constexpr int kLeastChunk = 16;
constexpr int kTimedRows = 16;  // shorter chunks say more about the weights than about rows
constexpr double kSpeedRate = 0.3;  // weight of the newest chunk

}  // namespace

Scheduler::Scheduler(const SchedulerOptions& options) : options_(options), times_(options.max_sequences) {
  const size_t count = static_cast<size_t>(options.max_sequences);
  generating_.reserve(count), rounds_.reserve(count), before_.reserve(count), head_drafts_.reserve(count);
  times_.adopt(options.known_times);
}

void Scheduler::plan(std::span<Candidate* const> running, std::vector<Sequence*>& step) {
  step.clear();
  plan_rounds(running, step);
  plan_prompts(running, step);
}

void Scheduler::plan_rounds(std::span<Candidate* const> running, std::vector<Sequence*>& step) {
  generating_.clear(), rounds_.clear(), before_.clear();
  for (Candidate* candidate : running) {
    Sequence& sequence = *candidate->sequence;
    if (sequence.in_prompt()) continue;
    const int room = std::max(0, sequence.state.shape().max_length - sequence.state.length() - 1);
    PlannedRound round{&candidate->history, candidate->limits, 0, {}};
    round.limits.head_drafts = std::clamp(round.limits.head_drafts, 0, std::min(room, sequence.max_drafts()));
    round.limits.lookup_drafts = std::clamp(round.limits.lookup_drafts, 0, std::min(room, sequence.max_drafts()));
    // What a constraint allows is asked for draft by draft, which copies do not do.
    if (sequence.constraint != nullptr) round.limits.lookup_drafts = 0;
    sequence.repetition = round.limits.lookup_drafts > 0 ? sequence.find_repetition() : LookupMatch{};
    round.match_length = sequence.repetition.length;
    rounds_.push_back(round);
    before_.push_back(sequence.length());
    generating_.push_back(candidate);
    step.push_back(&sequence);
  }
  if (!rounds_.empty()) policy_.plan(times_, rounds_);
  for (size_t i = 0; i < generating_.size(); ++i) {
    Sequence& sequence = *generating_[i]->sequence;
    const RoundPlan& plan = rounds_[i].plan;
    sequence.draft_budget = plan.head_drafts, sequence.lookup_budget = plan.lookup_drafts;
    sequence.least_reach = plan.least_reach;
    sequence.confidence = rounds_[i].history->confidence;
  }
}

int Scheduler::chunk_rows() const {
  if (generating_.empty()) return options_.max_prompt_rows;
  if (seconds_per_prompt_row_ <= 0) return std::min(kFirstChunk, options_.max_prompt_rows);
  const double rows = options_.chunk_seconds / seconds_per_prompt_row_;
  return std::clamp(static_cast<int>(std::min(rows, 1e6)), std::min(kLeastChunk, options_.max_prompt_rows),
                    options_.max_prompt_rows);
}

// Whole short prompts may share a chunk; a long one gets what is left of it.
void Scheduler::plan_prompts(std::span<Candidate* const> running, std::vector<Sequence*>& step) {
  int left = chunk_rows();
  prompt_rows_ = 0;
  for (Candidate* candidate : running) {
    Sequence& sequence = *candidate->sequence;
    sequence.prompt_budget = 0;
    if (!sequence.in_prompt() || left == 0) continue;
    sequence.prompt_budget = std::min(left, candidate->prompt_end - sequence.state.length());
    left -= sequence.prompt_budget;
    prompt_rows_ += sequence.prompt_budget;
    step.push_back(&sequence);
  }
}

// Notes what became of each round; false when one of them was its sequence's first, which finds cold caches and says little of the others.
bool Scheduler::record_rounds() {
  bool usual = true;
  head_drafts_.clear();
  for (size_t i = 0; i < generating_.size(); ++i) {
    const Sequence& sequence = *generating_[i]->sequence;
    const int by_head = sequence.head_drafts, copied = static_cast<int>(sequence.drafts.size()) - by_head;
    const int accepted = std::max(0, sequence.length() - before_[i] - 1);
    generating_[i]->history.record(by_head, copied, accepted);
    for (int k = 0; k < static_cast<int>(sequence.confidences.size()) && k <= accepted; ++k)
      generating_[i]->history.confidence.record(sequence.confidences[static_cast<size_t>(k)], k < accepted);
    head_drafts_.push_back(by_head + sequence.verified_drafts - static_cast<int>(sequence.drafts.size()));
    usual &= sequence.stats.passes > 1;
  }
  return usual;
}

void Scheduler::record(const StepSeconds& seconds) {
  const bool usual = record_rounds();
  int rows = 0;
  for (const Candidate* candidate : generating_) rows += 1 + candidate->sequence->verified_drafts;
  if (prompt_rows_ == 0 && rows > 0 && usual) times_.record(rows, head_drafts_, seconds.draft, seconds.verify);
  if (prompt_rows_ < kTimedRows) return;
  const double others = rows > 0 && times_.verify.measured(rows) ? times_.verify.seconds(rows) : 0;
  const double row = std::max(seconds.verify - others, seconds.verify * 0.1) / prompt_rows_;
  seconds_per_prompt_row_ =
      seconds_per_prompt_row_ <= 0 ? row : seconds_per_prompt_row_ + kSpeedRate * (row - seconds_per_prompt_row_);
}

StepTimes Scheduler::times_of_one() const {
  StepTimes one;
  one.adopt(times_);
  return one;
}

}  // namespace paceline
