#include "engine/logit_rows.h"

namespace paceline {

namespace {

constexpr size_t kWords = candidate_words(LogitRows::kCandidates);

}  // namespace

LogitRows::LogitRows(Device& device, int max_lists, int max_cols) : device_(device) {
  if (device.memory_is_host()) return;
  lists_ = device.allocate(DType::I32, max_lists, static_cast<int>(kWords));
  host_lists_.resize(static_cast<size_t>(max_lists) * kWords);
  host_row_.resize(static_cast<size_t>(max_cols));
  rankings_.reserve(static_cast<size_t>(max_lists));
}

void LogitRows::show(Tensor logits) {
  logits_ = logits;
  rankings_.clear();
  row_read_ = -1;
}

void LogitRows::show(Tensor logits, Tensor ids, std::span<const CandidateRanking> rankings) {
  show(logits);
  if (device_.memory_is_host()) return;
  list(logits, ids, rankings);
  read_lists();
}

Tensor LogitRows::list(Tensor logits, Tensor ids, std::span<const CandidateRanking> rankings) {
  PACELINE_ASSERT(logits.cols == logits_.cols);
  const Tensor lists = lists_.row_range(static_cast<int>(rankings_.size()), logits.rows);
  device_.list_candidates(lists, logits, ids, rankings);
  rankings_.insert(rankings_.end(), rankings.begin(), rankings.end());
  return lists.columns(kFirstCandidateWord, 1);
}

void LogitRows::read_lists() {
  device_.read(host_lists_.data(), lists_.row_range(0, static_cast<int>(rankings_.size())));
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
