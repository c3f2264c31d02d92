#pragma once
// Decides what the next step holds: the verify rows of every generating request, each with the drafts that pay in this company
// (speculation_policy.h), and at most one prompt chunk, taken from the oldest prompts. While others generate the chunk is as large as the time it
// may take; how fast prompts are read is learned from the steps.
#include <span>
#include <vector>

#include "engine/runner.h"
#include "engine/speculation_policy.h"

namespace paceline {

// A request in a slot, as the scheduler sees it.
struct Candidate {
  Sequence* sequence = nullptr;
  SpeculationHistory history;
  SpeculationLimits limits;  // of the next round
  int prompt_end = 0;  // position at which a prompt chunk has to end at the latest
};

struct SchedulerOptions {
  int max_sequences = 1;
  int max_prompt_rows = 512;
  double chunk_seconds = 0.25;
  StepTimes known_times{};  // of one sequence of this model on this machine, measured before
};

class Scheduler {
 public:
  explicit Scheduler(const SchedulerOptions& options);

  // `running` in order of arrival. Sets the budgets of the sequences and fills `step`.
  void plan(std::span<Candidate* const> running, std::vector<Sequence*>& step);
  // What the planned step took.
  void record(const StepSeconds& seconds);

  // What has been learned of the steps of one sequence, to be another scheduler's known_times.
  StepTimes times_of_one() const;
  const StepTimes& times() const { return times_; }
  // Plain decoding was found faster than drafting.
  bool paused() const { return policy_.paused(); }
  double prompt_tokens_per_second() const { return seconds_per_prompt_row_ > 0 ? 1 / seconds_per_prompt_row_ : 0; }

 private:
  void plan_rounds(std::span<Candidate* const> running, std::vector<Sequence*>& step);
  void plan_prompts(std::span<Candidate* const> running, std::vector<Sequence*>& step);
  int chunk_rows() const;
  bool record_rounds();

  SchedulerOptions options_;
  StepTimes times_;
  SpeculationPolicy policy_;
  std::vector<Candidate*> generating_;
  std::vector<PlannedRound> rounds_;
  std::vector<int> before_, head_drafts_;
  int prompt_rows_ = 0;  // of the planned step
  double seconds_per_prompt_row_ = 0;
};

}  // namespace paceline
