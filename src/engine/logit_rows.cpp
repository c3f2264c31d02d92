#include "engine/logit_rows.h"

#include <numeric>

namespace paceline {

namespace {

constexpr size_t kWords = candidate_words(LogitRows::kCandidates);

}  // namespace

LogitRows::LogitRows(Device& device, int max_lists, int max_drafts, int max_cols) : device_(device) {
  if (device.memory_is_host()) return;
  lists_ = device.allocate(DType::I32, max_lists + max_drafts, static_cast<int>(kWords));
  host_lists_.resize(static_cast<size_t>(max_lists + max_drafts) * kWords);
  host_drafts_.resize(static_cast<size_t>(max_drafts) * kDraftWords);
  draft_rows_.resize(static_cast<size_t>(max_drafts));
  std::iota(draft_rows_.begin(), draft_rows_.end(), 0);
  host_row_.resize(static_cast<size_t>(max_cols));
  rankings_.reserve(static_cast<size_t>(max_lists));
}

void LogitRows::show(Tensor logits) {
  logits_ = logits;
  rankings_.clear();
  row_read_ = -1;
}

Tensor LogitRows::list(Tensor ids, std::span<const CandidateRanking> rankings) {
  const Tensor lists = lists_.row_range(0, logits_.rows);
  device_.list_candidates(lists, logits_, ids, rankings);
  rankings_.assign(rankings.begin(), rankings.end());
  return lists;
}

// The drafts' words join the lists behind the last of them: one piece of memory is one read.
std::span<const int32_t> LogitRows::read(Tensor drafts) {
  const int lists = static_cast<int>(rankings_.size());
  const std::span words = std::span(host_drafts_).first(static_cast<size_t>(drafts.rows) * kDraftWords);
  if (lists == 0) {
    device_.read(words.data(), drafts);
    return words;
  }
  if (drafts.rows > 0)
    device_.gather_rows(lists_.row_range(lists, drafts.rows).columns(0, kDraftWords), drafts,
                        std::span(draft_rows_).first(static_cast<size_t>(drafts.rows)));
  device_.read(host_lists_.data(), lists_.row_range(0, lists + drafts.rows));
  for (size_t i = 0; i < words.size(); ++i)
    words[i] = host_lists_[(static_cast<size_t>(lists) + i / kDraftWords) * kWords + i % kDraftWords];
  return words;
}

std::optional<CandidateList> LogitRows::candidates(int row) const {
  const size_t at = static_cast<size_t>(row);
  if (at >= rankings_.size()) return std::nullopt;
  return CandidateList(std::span(host_lists_).subspan(at * kWords, kWords), logits_.cols, rankings_[at]);
}

Token LogitRows::choose(Sampler& sampler, int row, const SamplingParameters& parameters, std::span<const Token> history,
                        std::span<const Token> ids, std::span<const uint32_t> allowed) {
  if (row != row_read_)
    if (const auto list = candidates(row))
      if (const auto token = sampler.choose(*list, parameters, history, allowed)) return *token;
  return sampler.choose(this->row(row), parameters, history, ids, allowed);
}

std::span<const float> LogitRows::row(int row) {
  const Tensor source = logits_.row_range(row, 1);
  const size_t size = static_cast<size_t>(source.cols);
  if (device_.memory_is_host()) return {source.f32(), size};
  if (row != row_read_) device_.read(host_row_.data(), source);
  row_read_ = row;
  return std::span(host_row_).first(size);
}

}  // namespace paceline
