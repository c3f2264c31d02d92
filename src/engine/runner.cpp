#include "engine/runner.h"

#include <algorithm>
#include <chrono>
#include <numeric>

#include "device/step_key.h"

namespace paceline {

namespace {

using Clock = std::chrono::steady_clock;

int max_logit_rows(const RunnerOptions& options) { return options.max_sequences * (1 + options.max_drafts); }
int max_ahead(const RunnerOptions& options) { return options.max_sequences * kMaxDrafts; }
double seconds_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

}  // namespace

int max_batch_rows(const RunnerOptions& options) {
  return options.max_prompt_rows + options.max_sequences * (1 + options.max_drafts);
}

Runner::Runner(Device& device, Model& model, Drafter* drafter, const RunnerOptions& options)
    : device_(device),
      model_(model),
      drafter_(drafter),
      options_(options),
      sampler_(model.facts().vocab_size),
      shown_(device, max_logit_rows(options), max_ahead(options), model.facts().vocab_size) {
  const int rows = max_batch_rows(options), logit_rows = max_logit_rows(options);
  const int width = model.facts().width, vocab_size = model.facts().vocab_size;
  tokens_ = device.allocate(DType::I32, rows, 1);
  hidden_ = device.allocate(DType::F32, rows, width);
  logit_hidden_ = device.allocate(DType::F32, logit_rows, width);
  logits_ = device.allocate(DType::F32, logit_rows, vocab_size);
  host_tokens_.reserve(static_cast<size_t>(rows));
  rows_.reserve(static_cast<size_t>(rows));
  rankings_.reserve(static_cast<size_t>(logit_rows));
  drafting_.reserve(static_cast<size_t>(options.max_sequences));
  work_.reserve(static_cast<size_t>(options.max_sequences));
  segments_.reserve(static_cast<size_t>(options.max_sequences));
}

void Runner::step(std::span<Sequence* const> sequences) {
  PACELINE_ASSERT(!sequences.empty() && sequences.size() <= static_cast<size_t>(options_.max_sequences));
  const auto start = Clock::now();
  draft(sequences);
  const auto drafted = Clock::now();
  const bool is_ahead = ahead_.rows > 0;
  if (is_ahead) device_.mark();
  gather(sequences);
  run_model();
  const auto shown = Clock::now();
  for (Work& work : work_) settle(work);
  const double verifying = is_ahead ? device_.seconds_between_marks() : 0;
  const auto end = Clock::now();
  seconds_.verify = verifying > 0 ? verifying + seconds_between(shown, end) : seconds_between(drafted, end);
  seconds_.draft = std::max(0.0, seconds_between(start, end) - seconds_.verify);
}

void Runner::draft(std::span<Sequence* const> sequences) {
  drafting_.clear();
  ahead_ = {};
  for (Sequence* sequence : sequences) {
    sequence->drafts.clear(), sequence->ahead.clear();
    sequence->confidences.clear();
    sequence->head_drafts = 0;
    if (sequence->in_prompt()) continue;
    const int room = sequence->state.shape().max_length - sequence->state.length() - 1;
    const int most = std::min({sequence->max_drafts(), options_.max_drafts, room});
    sequence->draft_budget = std::clamp(sequence->draft_budget, 0, std::min(most, kMaxDrafts));
    sequence->lookup_budget = std::clamp(sequence->lookup_budget, 0, most);
    drafting_.push_back(sequence);
  }
  if (drafter_ == nullptr || drafting_.empty()) return;
  drafter_->propose(drafting_);
  for (const Sequence* sequence : drafting_) {
    PACELINE_ASSERT(sequence->draft_count() <= std::max(sequence->draft_budget, sequence->lookup_budget));
    if (!sequence->ahead.empty()) ahead_ = drafter_->drafts_ahead();
  }
}

// Lays out the rows of the step and the rows whose logits are wanted.
void Runner::gather(std::span<Sequence* const> sequences) {
  work_.clear(), segments_.clear(), host_tokens_.clear(), rows_.clear();
  int prompt_rows_left = options_.max_prompt_rows;
  for (Sequence* sequence : sequences) {
    PACELINE_ASSERT(!sequence->is_full());
    const int done = sequence->state.length();
    Work work{sequence, {&sequence->state, static_cast<int>(host_tokens_.size()), 0, done, Phase::Generate}};
    Segment& segment = work.segment;
    if (sequence->in_prompt()) {
      segment.phase = Phase::Prompt;
      segment.row_count = std::min({sequence->prompt_length - done, prompt_rows_left, sequence->prompt_budget});
      if (segment.row_count == 0) continue;  // the next step's turn
      prompt_rows_left -= segment.row_count;
      work.logit_rows = done + segment.row_count == sequence->prompt_length ? 1 : 0;
    } else {
      segment.row_count = work.logit_rows = 1 + sequence->draft_count();
    }
    sequence->verified_drafts = sequence->draft_count();
    const int settled = std::min(segment.row_count, sequence->length() - done);
    host_tokens_.insert(host_tokens_.end(), sequence->tokens.begin() + done, sequence->tokens.begin() + done + settled);
    host_tokens_.insert(host_tokens_.end(), sequence->drafts.begin(), sequence->drafts.end());
    host_tokens_.resize(host_tokens_.size() + sequence->ahead.size());  // write_tokens() puts them there
    work.first_logit_row = static_cast<int>(rows_.size());
    const int end = segment.first_row + segment.row_count;
    for (int row = end - work.logit_rows; row < end; ++row) rows_.push_back(row);
    work_.push_back(work);
    segments_.push_back(segment);
  }
}

void Runner::run_model() {
  const Batch batch{tokens_.row_range(0, static_cast<int>(host_tokens_.size())), segments_};
  write_tokens(batch);
  begin_steps(batch);
  StepKey key(segments_);
  key.with(&model_).with(batch.tokens).with(hidden_).with(logit_hidden_).with(logits_);
  for (const int row : rows_) key.with(row);
  device_.run(key.value(), segments_, [this, &batch] { compute(batch); });
  if (!rows_.empty()) show_logits();
}

// Those that the host knows, then those that are ahead of it, which end the rows of their sequences.
void Runner::write_tokens(const Batch& batch) {
  device_.write(batch.tokens, host_tokens_.data());
  for (const Work& work : work_) {
    const std::vector<int>& ahead = work.sequence->ahead;
    const int count = static_cast<int>(ahead.size()), end = work.segment.first_row + work.segment.row_count;
    if (count > 0) device_.gather_rows(batch.tokens.row_range(end - count, count), ahead_.columns(0, 1), ahead);
  }
}

void Runner::compute(const Batch& batch) {
  const Tensor hidden = hidden_.row_range(0, batch.rows());
  model_.forward(batch, hidden);
  const int logit_rows = static_cast<int>(rows_.size());
  if (logit_rows == 0) return;
  const Tensor wanted = logit_hidden_.row_range(0, logit_rows);
  device_.gather_rows(wanted, hidden, rows_);
  model_.logits(logits_.row_range(0, logit_rows), wanted);
}

void Runner::show_logits() {
  shown_.show(logits_.row_range(0, static_cast<int>(rows_.size())));
  if (device_.memory_is_host()) return;
  rankings_.clear();
  bool all_heard = true;
  for (const Work& work : work_) {
    const Sequence& sequence = *work.sequence;
    all_heard &= work.logit_rows == 0 || is_heard(sequence);
    for (int i = 0; i < work.logit_rows; ++i)
      rankings_.push_back(Sampler::ranking(sequence.parameters, static_cast<size_t>(sequence.length() + i),
                                           sequence.constraint != nullptr));
  }
  if (!all_heard) shown_.list({}, rankings_);
  if (ahead_.rows > 0) device_.mark();
  else if (all_heard) return;
  const std::span<const int32_t> words = shown_.read(ahead_);
  for (Sequence* sequence : drafting_) sequence->take_ahead(words);
}

void Runner::settle(Work& work) {
  if (work.segment.phase == Phase::Prompt) settle_prompt(work);
  else settle_round(work);
}

void Runner::settle_prompt(Work& work) {
  Sequence& sequence = *work.sequence;
  const Segment& segment = work.segment;
  if (drafter_ != nullptr)
    drafter_->observe_prompt(sequence, segment.first_position, hidden_.row_range(segment.first_row, segment.row_count));
  const int last = segment.first_row + segment.row_count - 1;
  device_.gather_rows(sequence.kept_hidden.row_range(0, 1), hidden_, std::span(&last, 1));
  sequence.state.commit(segment.row_count);
  sequence.kept_count = 0;
  if (work.logit_rows == 0) return;
  const std::optional<Token> first = choose(sequence, work.first_logit_row, sequence.length());
  if (!first) return;
  sequence.tokens.push_back(*first);
  sequence.kept_count = 1;
}

void Runner::settle_round(Work& work) {
  Sequence& sequence = *work.sequence;
  const int draft_count = static_cast<int>(sequence.drafts.size()), before = sequence.length();
  // While judged, drafts stand in the history that penalties and noise see (numerics.md, rule 1).
  sequence.tokens.insert(sequence.tokens.end(), sequence.drafts.begin(), sequence.drafts.end());
  sequence.tokens.push_back(0);
  int settled = 0, accepted = 0;
  for (bool open = true; open;) {
    const std::optional<Token> next = choose(sequence, work.first_logit_row + settled, before + settled);
    if (!next) break;
    const bool was_drafted = settled < draft_count && *next == sequence.drafts[static_cast<size_t>(settled)];
    sequence.tokens[static_cast<size_t>(before + settled)] = *next;
    ++settled;
    accepted += was_drafted ? 1 : 0;
    open = was_drafted && !sequence.is_stop(*next);
  }
  sequence.tokens.resize(static_cast<size_t>(before + settled));
  sequence.state.commit(settled);
  keep_hidden(work, settled);

  SequenceStats& stats = sequence.stats;
  ++stats.passes;
  stats.generated += settled;
  const int by_head = sequence.head_drafts;
  for (int i = 0; i < by_head; ++i) ++stats.drafted[static_cast<size_t>(i)];
  for (int i = 0; i < std::min(accepted, by_head); ++i) ++stats.accepted[static_cast<size_t>(i)];
  stats.lookup_drafted += draft_count - by_head;
  stats.lookup_accepted += std::max(0, accepted - by_head);
}

void Runner::keep_hidden(Work& work, int count) {
  rows_.resize(static_cast<size_t>(count));
  std::iota(rows_.begin(), rows_.end(), work.segment.first_row);
  device_.gather_rows(work.sequence->kept_hidden.row_range(0, count), hidden_, rows_);
  work.sequence->kept_count = count;
}

std::optional<Token> Runner::choose(Sequence& sequence, int logit_row, int history_length) {
  std::span<const uint32_t> allowed;
  if (sequence.constraint != nullptr) {
    allowed = sequence.constraint->allowed();
    sequence.exhausted = allowed.empty();
    if (sequence.exhausted) return std::nullopt;
  }
  const bool is_heard_of = is_heard(sequence);
  if (is_heard_of) shown_.row(logit_row);  // it is read anyway: the choice is made from it
  const std::span history = std::span(sequence.tokens).first(static_cast<size_t>(history_length));
  const Token token = shown_.choose(sampler_, logit_row, sequence.parameters, history, {}, allowed);
  if (sequence.constraint != nullptr) {
    sequence.exhausted = !is_allowed(allowed, token);
    if (sequence.exhausted) return std::nullopt;
    sequence.constraint->accept(token);
  }
  if (is_heard_of) on_logits(sequence, history_length, shown_.row(logit_row), token);
  return token;
}

}  // namespace paceline
