#include "engine/mtp_drafter.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <functional>
#include <numeric>

#include "device/step_key.h"

namespace paceline {

namespace {

// e^x for x in -16 … 16, off by at most a thousandth: a confidence only steers how far to draft. Without calls and branches, so that
// compilers make vectors of it; there is one for each known id.
float rough_exp(float x) {
  const float scaled = x * 1.442695f + 32;
  const auto whole = static_cast<int32_t>(scaled);  // rounds down, since scaled is above 0
  const float part = scaled - static_cast<float>(whole);
  const float fraction = 1 + part * (0.6951786f + part * (0.2262745f + part * 0.0782547f));
  return std::bit_cast<float>((whole + 127 - 32) << 23) * fraction;
}

// The head's probability of a draft, from logits of the ids it knows.
float probability(std::span<const float> logits, float logit) {
  constexpr float kNegligible = 16;  // a 10^-7th
  std::array<float, 16> sums{};
  const auto add = [&](size_t lane, float other) {
    sums[lane] += rough_exp(std::max(-kNegligible, std::min(kNegligible, other - logit)));
  };
  const size_t whole = logits.size() / sums.size() * sums.size();
  for (size_t i = 0; i < whole; i += sums.size())
    for (size_t lane = 0; lane < sums.size(); ++lane) add(lane, logits[i + lane]);
  for (size_t i = whole; i < logits.size(); ++i) add(i - whole, logits[i]);
  return 1 / std::accumulate(sums.begin(), sums.end(), 0.0f);
}

// By the device in one round.
int max_drafted(const RunnerOptions& options) { return options.max_sequences * kMaxDrafts; }

}  // namespace

MtpDrafter::MtpDrafter(Device& device, Model& model, const RunnerOptions& options)
    : device_(device),
      model_(model),
      sampler_(model.facts().vocab_size),
      vocabulary_(device, model, options.max_sequences),
      shown_(device, options.max_sequences, max_drafted(options), model.facts().vocab_size) {
  PACELINE_ASSERT(model.facts().has_draft_head);
  const int rows = max_batch_rows(options);
  tokens_ = device.allocate(DType::I32, rows, 1);
  hidden_ = device.allocate(DType::F32, rows, model.facts().width);
  host_tokens_.reserve(static_cast<size_t>(rows));
  rows_.reserve(static_cast<size_t>(rows));
  segments_.reserve(static_cast<size_t>(2 * options.max_sequences));
  chain_.reserve(static_cast<size_t>(options.max_sequences));
  if (device.memory_is_host()) return;
  rankings_.reserve(static_cast<size_t>(options.max_sequences)), rules_.reserve(rankings_.capacity());
  drafted_ = device.allocate(DType::I32, max_drafted(options), kDraftWords);
  drafted_words_.resize(static_cast<size_t>(max_drafted(options)) * kDraftWords);
}

uint64_t MtpDrafter::most_bytes(const Model& model, const RunnerOptions& options) {
  const uint64_t rows = static_cast<uint64_t>(max_batch_rows(options)),
                 width = static_cast<uint64_t>(model.facts().width);
  const int drafted = max_drafted(options);
  return sizeof(float) * (rows * (width + 1) + static_cast<uint64_t>(drafted) * kDraftWords) +
         LogitRows::most_bytes(options.max_sequences, drafted) +
         DraftVocabulary::most_bytes(model.draft_head(), options.max_sequences);
}

void MtpDrafter::begin_batch() { host_tokens_.clear(), segments_.clear(); }

void MtpDrafter::add_rows(Sequence& sequence, int first_position, std::span<const Token> tokens, Tensor hidden,
                          Phase phase) {
  const int first_row = static_cast<int>(host_tokens_.size()), count = static_cast<int>(tokens.size());
  if (count == 0) return;
  host_tokens_.insert(host_tokens_.end(), tokens.begin(), tokens.end());
  rows_.resize(static_cast<size_t>(count));
  std::iota(rows_.begin(), rows_.end(), 0);
  device_.gather_rows(hidden_.row_range(first_row, count), hidden, rows_);
  // A row's label is the position of its hidden state, one before its token's (model.h).
  segments_.push_back({&sequence.state, first_row, count, first_position - 1, phase});
}

void MtpDrafter::run(int full_from) {
  const int rows = static_cast<int>(host_tokens_.size());
  if (rows == 0) return;
  device_.write(tokens_.row_range(0, rows), host_tokens_.data());
  forward(rows, full_from);
}

void MtpDrafter::forward(int rows, int full_from) {
  const Batch batch{tokens_.row_range(0, rows), segments_};
  const Tensor hidden = hidden_.row_range(0, rows);
  StepKey key(segments_);
  key.with(&model_).with(batch.tokens).with(hidden).with(full_from);
  const auto draft = [&] { model_.draft(batch, hidden, full_from); };
  device_.run(key.value(), segments_,
              std::cref(draft));  // a reference: a function object of that size would be allocated
}

// Position 0 has no row: there is no hidden state before it. The first row of a later chunk pairs with the last hidden of the one before.
void MtpDrafter::observe_prompt(Sequence& sequence, int first_position, Tensor hidden) {
  const std::span<const Token> tokens =
      std::span(sequence.tokens).subspan(static_cast<size_t>(first_position), static_cast<size_t>(hidden.rows));
  vocabulary_.observe(tokens);
  begin_batch();
  if (first_position > 0)
    add_rows(sequence, first_position, tokens.first(1), sequence.kept_hidden.row_range(0, 1), Phase::Prompt);
  add_rows(sequence, first_position + 1, tokens.subspan(1), hidden.row_range(0, hidden.rows - 1), Phase::Prompt);
  run(static_cast<int>(host_tokens_.size()));
}

void MtpDrafter::propose(std::span<Sequence* const> sequences) {
  catch_up(sequences);
  vocabulary_.refresh();
  drafted_count_ = known_count_ = 0;
  while (!chain_.empty()) {
    make_drafts();
    continue_chains();
  }
  // The constraints ran ahead with the drafts.
  for (Sequence* sequence : sequences)
    if (sequence->constraint != nullptr) sequence->constraint->rollback(static_cast<int>(sequence->drafts.size()));
}

void MtpDrafter::catch_up(std::span<Sequence* const> sequences) {
  begin_batch();
  chain_.clear();
  for (Sequence* sequence : sequences) {
    const bool wants_drafts = sequence->draft_budget > 0;
    const int count = sequence->kept_count, key_value_only = wants_drafts ? count - 1 : count;
    PACELINE_ASSERT(count >= 1);
    const int first = sequence->length() - count;
    vocabulary_.observe(std::span(sequence->tokens).last(static_cast<size_t>(count)));
    add_rows(*sequence, first,
             std::span(sequence->tokens).subspan(static_cast<size_t>(first), static_cast<size_t>(key_value_only)),
             sequence->kept_hidden.row_range(0, key_value_only), Phase::Generate);
    if (wants_drafts) chain_.push_back(sequence);
  }
  full_from_ = static_cast<int>(host_tokens_.size());
  for (Sequence* sequence : chain_)
    add_rows(*sequence, sequence->length() - 1, std::span(sequence->tokens).last(1),
             sequence->kept_hidden.row_range(sequence->kept_count - 1, 1), Phase::Generate);
  run(full_from_);
}

void MtpDrafter::choose_drafts() {
  for (size_t i = 0; i < chain_.size(); ++i) {
    const int row = static_cast<int>(i);
    if (on_draft_logits) on_draft_logits(*chain_[i], shown_.row(row));
    choose_draft(*chain_[i], row);
  }
}

// By the host, from the row or its list.
void MtpDrafter::choose_draft(Sequence& sequence, int row) {
  const size_t settled = sequence.tokens.size();
  sequence.tokens.insert(sequence.tokens.end(), sequence.drafts.begin(), sequence.drafts.end());
  std::span<const uint32_t> allowed;
  if (sequence.constraint != nullptr) allowed = sequence.constraint->allowed();
  const Token draft = shown_.choose(sampler_, row, sequence.parameters, sequence.tokens, vocabulary_.ids(), allowed);
  sequence.tokens.resize(settled);
  // Where the head knows nothing that may follow, or behind the end, a chain stops.
  const bool possible = sequence.constraint == nullptr || is_allowed(allowed, draft);
  if (possible) {
    sequence.add_head_draft(draft, sequence.wants_confidences() ? confidence(row, draft) : 0);
    if (sequence.constraint != nullptr) sequence.constraint->accept(draft);
  }
  if (!possible || sequence.is_stop(draft)) sequence.draft_budget = static_cast<int>(sequence.drafts.size());
}

float MtpDrafter::confidence(int row, Token draft) {
  const auto list = shown_.candidates(row);
  if (list && list->is_ordinary()) {
    const auto listed = std::find(list->tokens.begin(), list->tokens.end(), draft);
    if (listed != list->tokens.end())
      return std::exp(list->logit(static_cast<size_t>(listed - list->tokens.begin())) - list->largest) / list->sum;
  }
  const std::span<const float> logits = shown_.row(row);
  const auto ids = vocabulary_.ids();
  const auto at = ids.empty() ? draft : std::lower_bound(ids.begin(), ids.end(), draft) - ids.begin();
  return probability(logits, logits[static_cast<size_t>(at)]);
}

// The next pass's tokens are those drafts: where they lie, if the host does not know them.
void MtpDrafter::continue_chains() {
  begin_batch();
  rows_.clear();
  size_t kept = 0;
  for (size_t i = 0; i < chain_.size(); ++i) {
    Sequence* sequence = chain_[i];
    const bool is_copied = static_cast<int>(sequence->drafts.size()) > sequence->head_drafts;
    if (is_copied || sequence->draft_count() >= sequence->draft_budget) continue;
    const bool is_ahead = !sequence->ahead.empty();
    if (!is_ahead && !sequence->is_worth_another()) continue;
    const int position = sequence->length() + sequence->draft_count() - 1;
    const int row = full_from_ + static_cast<int>(i), to = static_cast<int>(kept);
    if (is_ahead) rows_.push_back(sequence->ahead.back());
    else host_tokens_.push_back(sequence->drafts.back());
    // Rows move towards the front, never past one still to be read. The copy goes through kept order: to <= row.
    if (to != row) device_.gather_rows(hidden_.row_range(to, 1), hidden_, std::span(&row, 1));
    segments_.push_back({&sequence->state, to, 1, position - 1, Phase::Generate});
    chain_[kept++] = sequence;
  }
  chain_.resize(kept);
  full_from_ = 0;
  if (rows_.empty()) return run(0);
  PACELINE_ASSERT(rows_.size() == kept);  // the host knows the newest draft of all, or of none
  device_.gather_rows(tokens_.row_range(0, static_cast<int>(kept)), drafts_ahead().columns(0, 1), rows_);
  forward(static_cast<int>(kept), 0);
}

}  // namespace paceline
