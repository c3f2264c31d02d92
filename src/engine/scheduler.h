#pragma once
// Decides what the next step holds: the verify rows of every generating request, each with the drafts that pay in this company
// (batch_depth.h), and at most one prompt chunk, taken from the oldest prompts. While others generate the chunk is as large as the time it
// may take; how fast prompts are read is learned from the steps.
#include <span>
#include <vector>

#include "engine/batch_depth.h"
#include "engine/runner.h"

namespace paceline {

// A request in a slot, as the scheduler sees it.
struct Candidate {
  Sequence* sequence = nullptr;
  AcceptanceAverages acceptance;
  int drafts = 0;  // at most
  bool adapt = true;  // as many as pay; false: always `drafts`
  int prompt_end = 0;  // position at which a prompt chunk has to end at the latest
};

struct SchedulerOptions {
  int max_sequences = 1;
  int max_prompt_rows = 512;
  double chunk_seconds = 0.25;
};

class Scheduler {
 public:
  explicit Scheduler(const SchedulerOptions& options);

  // `running` in order of arrival. Sets the budgets of the sequences and fills `step`.
  void plan(std::span<Candidate* const> running, std::vector<Sequence*>& step);
  // What the planned step took.
  void record(const StepSeconds& seconds);

  double prompt_tokens_per_second() const { return seconds_per_prompt_row_ > 0 ? 1 / seconds_per_prompt_row_ : 0; }

 private:
  void plan_rounds(std::span<Candidate* const> running, std::vector<Sequence*>& step);
  void plan_prompts(std::span<Candidate* const> running, std::vector<Sequence*>& step);
  int chunk_rows() const;

  SchedulerOptions options_;
  StepTimes times_;
  BatchDepth depth_;
  std::vector<Candidate*> generating_;
  std::vector<DepthChoice> choices_;
  std::vector<int> before_, drafted_;
  int prompt_rows_ = 0;  // of the planned step
  double seconds_per_prompt_row_ = 0;
};

}  // namespace paceline
