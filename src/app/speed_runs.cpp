#include "app/speed_runs.h"

#include <algorithm>
#include <memory>

#include "base/error.h"

namespace paceline {

namespace {

constexpr int64_t kFewestDrafts = 5;  // a share of fewer says nothing

class SpeedRuns {
 public:
  SpeedRuns(Session& session, const std::vector<SpeedMode>& modes, const SpeedOptions& speed)
      : session_(session), modes_(modes), speed_(speed) {
    for (const SpeedMode& mode : modes) {
      GeneratorOptions options = session.options;
      options.drafts = mode.drafts, options.adapt_depth = mode.adapts, options.lookup_drafts = mode.lookup_drafts;
      options.context = std::min(session.model->facts().context_length, kContext);
      generators_.push_back(std::make_unique<Generator>(*session.device, *session.model, options));
    }
  }

  std::vector<SpeedTask> tasks() {
    std::vector<SpeedTask> tasks = given_tasks();
    // Not counted: caches fill, and auto learns what this machine is good at, as it would in the first answer of a day.
    for (size_t mode = 0; mode < modes_.size(); ++mode)
      for (const SpeedTask& task : tasks) run(mode, task);
    return tasks;
  }

  // Of the deepest fixed mode, since there every pass has as many rows.
  DraftCost draft_cost() const {
    DraftCost cost;
    for (size_t i = 0; i < modes_.size(); ++i) {
      const int rows = 1 + modes_[i].drafts;
      if (modes_[i].adapts || rows <= std::max(cost.rows, 1)) continue;
      const StepTimes times = generators_[i]->learned().times;
      if (times.verify.measured(rows) && times.draft.any_measured())
        cost = {rows, times.link(1), times.verify.seconds(rows)};
    }
    return cost;
  }

  // One run in each mode; the order turns with the repetition.
  void repeat(const SpeedTask& task, int repetition, SpeedResult* results) {
    std::vector<Generation> runs(modes_.size());
    for (size_t i = 0; i < modes_.size(); ++i) {
      const size_t mode = (i + static_cast<size_t>(repetition)) % modes_.size();
      runs[mode] = run(mode, task);
    }
    for (size_t mode = 0; mode < modes_.size(); ++mode) {
      check_same(task, runs[0], runs[mode], modes_[mode].name);
      note(runs[mode], results[mode]);
      results[mode].speed_up.values.push_back(runs[mode].tokens_per_second() / runs[0].tokens_per_second());
    }
  }

 private:
  static constexpr int kContext = 4096;

  std::vector<SpeedTask> given_tasks() {
    const int room = std::min(session_.model->facts().context_length, kContext) - speed_.tokens - 1;
    if (!speed_.suite.empty()) return suite_tasks(*session_.tokenizer, speed_.suite, speed_.questions, room);
    std::vector<SpeedTask> tasks = question_tasks(*session_.tokenizer);
    SpeedTask start = tasks[0];
    start.ends = false;
    tasks.push_back(copy_task(start.prompts[0], run(0, start).output));
    return tasks;
  }

  Generation run(size_t mode, const SpeedTask& task) {
    SamplingParameters greedy;
    greedy.temperature = 0;
    GenerationLimits limits;
    limits.max_tokens = speed_.tokens;
    if (task.ends) limits.end_tokens = session_.tokenizer->end_tokens();
    Generation sum;
    for (const std::vector<Token>& prompt : task.prompts)
      add(sum, generators_[mode]->generate(prompt, greedy, limits, [](Token) { return true; }));
    return sum;
  }

  static void add(Generation& sum, const Generation& more) {
    sum.output.insert(sum.output.end(), more.output.begin(), more.output.end());
    sum.prompt_tokens += more.prompt_tokens;
    sum.prompt_seconds += more.prompt_seconds, sum.generation_seconds += more.generation_seconds;
    sum.drafting_paused = more.drafting_paused;
    sum.stats.passes += more.stats.passes, sum.stats.generated += more.stats.generated;
    sum.stats.lookup_drafted += more.stats.lookup_drafted, sum.stats.lookup_accepted += more.stats.lookup_accepted;
    for (size_t i = 0; i < sum.stats.drafted.size(); ++i)
      sum.stats.drafted[i] += more.stats.drafted[i], sum.stats.accepted[i] += more.stats.accepted[i];
  }

  static void check_same(const SpeedTask& task, const Generation& plain, const Generation& run,
                         const std::string& mode) {
    if (run.output == plain.output) return;
    const auto at = std::mismatch(plain.output.begin(), plain.output.end(), run.output.begin(), run.output.end()).first;
    fail("the texts of ", task.name, ", plain and ", mode, ", differ from token ", at - plain.output.begin(),
         " on, which must never happen");
  }

  static void note(const Generation& run, SpeedResult& result) {
    const SequenceStats& stats = run.stats;
    result.prompt_tokens = run.prompt_tokens;
    result.tokens = static_cast<int>(run.output.size());
    result.tokens_per_s.values.push_back(run.tokens_per_second());
    result.prompt_tokens_per_s.values.push_back(run.prompt_tokens_per_second());
    result.tokens_per_pass = run.tokens_per_pass();
    result.lookup_share =
        stats.generated > 0 ? static_cast<double>(stats.lookup_accepted) / static_cast<double>(stats.generated) : 0;
    result.paused = run.drafting_paused;
    result.acceptance.clear();
    for (size_t i = 0; i < stats.drafted.size() && stats.drafted[i] >= kFewestDrafts; ++i)
      result.acceptance.push_back(static_cast<double>(stats.accepted[i]) / static_cast<double>(stats.drafted[i]));
  }

  Session& session_;
  const std::vector<SpeedMode>& modes_;
  const SpeedOptions& speed_;
  std::vector<std::unique_ptr<Generator>> generators_;
};

}  // namespace

std::vector<SpeedMode> speed_modes(const Arguments& arguments, const Session& session) {
  std::vector<SpeedMode> modes = {{"plain", 0, false, 0}};
  const GeneratorOptions& asked = session.options;
  const bool has_head = session.model->facts().has_draft_head;
  const bool is_choice = arguments.has("mtp") || arguments.has("spec_type") || arguments.has("spec_max");
  if (!is_choice && has_head)
    for (const int depth : {1, 2, 3}) modes.push_back({cat("n=", depth), depth, false, 0});
  if (asked.adapt_depth || asked.lookup_drafts > 0 || asked.drafts > 0) {
    const std::string name = asked.drafts > 0 && !asked.adapt_depth ? cat("n=", asked.drafts) : std::string("auto");
    modes.push_back({name, asked.drafts, asked.adapt_depth, asked.lookup_drafts});
  }
  return modes;
}

SpeedReport run_speed(Session& session, const std::vector<SpeedMode>& modes, const SpeedOptions& options,
                      const std::function<void(double)>& progress) {
  const int repetitions = options.repetitions;
  SpeedReport report{session.file->path(), session.device->description(), repetitions, true, {}, {}, {}, {}};
  for (const SpeedMode& mode : modes) report.modes.push_back(mode.name);
  SpeedRuns runs(session, modes, options);
  const std::vector<SpeedTask> tasks = runs.tasks();
  for (const SpeedTask& task : tasks) {
    report.tasks.push_back(task.name);
    for (const SpeedMode& mode : modes) {
      report.results.emplace_back();
      report.results.back().task = task.name, report.results.back().mode = mode.name;
    }
  }
  // Repetitions are the outer loop: what happens on the machine for a while spoils one run of each, not all of one.
  for (int repetition = 0; repetition < repetitions; ++repetition)
    for (size_t i = 0; i < tasks.size(); ++i) {
      runs.repeat(tasks[i], repetition, &report.results[i * modes.size()]);
      progress(static_cast<double>(static_cast<size_t>(repetition) * tasks.size() + i + 1) /
               static_cast<double>(static_cast<size_t>(repetitions) * tasks.size()));
    }
  report.draft_cost = runs.draft_cost();
  return report;
}

}  // namespace paceline
