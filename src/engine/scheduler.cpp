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
  generating_.reserve(count), choices_.reserve(count), before_.reserve(count), drafted_.reserve(count);
}

void Scheduler::plan(std::span<Candidate* const> running, std::vector<Sequence*>& step) {
  step.clear();
  plan_rounds(running, step);
  plan_prompts(running, step);
}

void Scheduler::plan_rounds(std::span<Candidate* const> running, std::vector<Sequence*>& step) {
  generating_.clear(), choices_.clear(), before_.clear();
  for (Candidate* candidate : running) {
    Sequence& sequence = *candidate->sequence;
    if (sequence.in_prompt()) continue;
    const int room = sequence.state.shape().max_length - sequence.state.length() - 1;
    choices_.push_back(
        {&candidate->acceptance, std::clamp(candidate->drafts, 0, std::max(0, room)), !candidate->adapt});
    before_.push_back(sequence.length());
    generating_.push_back(candidate);
    step.push_back(&sequence);
  }
  depth_.choose(times_, choices_);
  for (size_t i = 0; i < generating_.size(); ++i) generating_[i]->sequence->draft_budget = choices_[i].depth;
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

void Scheduler::record(const StepSeconds& seconds) {
  drafted_.clear();
  int rows = 0;
  for (size_t i = 0; i < generating_.size(); ++i) {
    const Sequence& sequence = *generating_[i]->sequence;
    const int drafted = static_cast<int>(sequence.drafts.size());
    drafted_.push_back(drafted);
    rows += 1 + drafted;
    generating_[i]->acceptance.record(drafted, std::max(0, sequence.length() - before_[i] - 1));
  }
  if (prompt_rows_ == 0) return times_.record(drafted_, seconds.draft, seconds.verify);
  if (prompt_rows_ < kTimedRows) return;
  const double others = rows > 0 && times_.verify.measured(rows) ? times_.verify.seconds(rows) : 0;
  const double row = std::max(seconds.verify - others, seconds.verify * 0.1) / prompt_rows_;
  seconds_per_prompt_row_ =
      seconds_per_prompt_row_ <= 0 ? row : seconds_per_prompt_row_ + kSpeedRate * (row - seconds_per_prompt_row_);
}

}  // namespace paceline
