#include "engine/draft_vocabulary.h"

#include <algorithm>
#include <numeric>
#include <thread>

namespace paceline {

namespace {

constexpr QuantType kDraftType = QuantType::Q4_0;
constexpr int kExtraRoom = 8192;
constexpr int kSpecialRoom = 512;  // vocabularies put their special tokens last
constexpr size_t kBatch = 8;         // new ids that are worth making the extra rows anew
constexpr int kLongestWait = 32;     // refreshes after which even one is
constexpr int64_t kMissWindow = 512; // observed tokens between looks at the miss rate
constexpr double kMissLimit = 0.04;  // above it the base doubles

// Decodes the rows `ids` of the head and encodes them in the draft's type; workers share the rows.
std::vector<std::byte> encode_rows(const QuantMatrix& head, std::span<const Token> ids) {
  const size_t from_bytes = row_bytes(head.type, head.cols), to_bytes = row_bytes(kDraftType, head.cols);
  const size_t cols = static_cast<size_t>(head.cols);
  std::vector<std::byte> out(ids.size() * to_bytes);
  const auto work = [&](size_t first, size_t last) {
    std::vector<float> row(cols);
    for (size_t i = first; i < last; ++i) {
      format_info(head.type).decode(head.bytes.data() + static_cast<size_t>(ids[i]) * from_bytes, row.data(), cols);
      format_info(kDraftType).encode(row.data(), out.data() + i * to_bytes, cols);
    }
  };
  const size_t workers = ids.size() < 1024 ? 1 : std::clamp<size_t>(std::thread::hardware_concurrency(), 1, 16);
  std::vector<std::jthread> threads;
  for (size_t i = 0; i + 1 < workers; ++i)
    threads.emplace_back(work, ids.size() * i / workers, ids.size() * (i + 1) / workers);
  work(ids.size() * (workers - 1) / workers, ids.size());
  return out;
}

}  // namespace

DraftVocabulary::DraftVocabulary(Device& device, Model& model, int max_rows)
    : device_(device), model_(model), head_(model.draft_head()) {
  const bool full = head_.rows <= kFullSize || head_.cols % format_info(kDraftType).block_size != 0;
  logits_ = device.allocate(DType::F32, max_rows, head_.rows);  // widening needs room; untouched pages cost nothing
  known_.assign(static_cast<size_t>(head_.rows), full);
  if (full) return;
  seen_.resize(static_cast<size_t>(head_.rows));
  device_ids_ = device.allocate(DType::I32, head_.rows, 1);
  for (Token token = head_.rows - kSpecialRoom; token < head_.rows; ++token) {
    known_[static_cast<size_t>(token)] = true;
    extra_ids_.push_back(token);
  }
  make_base(kBaseSize);
}

void DraftVocabulary::observe(std::span<const Token> tokens) {
  if (ids_.empty()) return;
  observed_ += static_cast<int64_t>(tokens.size());
  for (const Token token : tokens) {
    ++seen_[static_cast<size_t>(token)];
    if (is_known(token)) continue;
    ++missed_;
    known_[static_cast<size_t>(token)] = true;
    waiting_.push_back(token);
  }
}

void DraftVocabulary::learn(std::span<const Token> ids) {
  if (ids_.empty()) return;
  for (const Token id : ids.first(std::min(ids.size(), kMostLearned))) {
    if (id < 0 || id >= head_.rows) continue;
    ++seen_[static_cast<size_t>(id)];
    if (is_known(id)) continue;
    known_[static_cast<size_t>(id)] = true;
    waiting_.push_back(id);
  }
  if (!waiting_.empty()) make_extra();
}

std::vector<Token> DraftVocabulary::learned() const {
  std::vector<Token> ids;
  for (const Token id : extra_ids_)
    if (seen_[static_cast<size_t>(id)] > 0) ids.push_back(id);
  std::stable_sort(ids.begin(), ids.end(),
                   [&](Token a, Token b) { return seen_[static_cast<size_t>(a)] > seen_[static_cast<size_t>(b)]; });
  ids.resize(std::min(ids.size(), kMostLearned));
  return ids;
}

void DraftVocabulary::refresh() {
  if (observed_ >= kMissWindow) {
    const bool too_small = static_cast<double>(missed_) > kMissLimit * static_cast<double>(observed_);
    observed_ = missed_ = 0;
    if (too_small) return make_base(std::min(2 * base_size_, head_.rows));
  }
  if (waiting_.empty() || (waiting_.size() < kBatch && ++refreshes_waited_ < kLongestWait)) return;
  make_extra();
}

DraftVocabulary::Rows DraftVocabulary::encode(std::span<const Token> ids) {
  Rows rows;
  if (ids.empty()) return rows;
  rows.bytes = encode_rows(head_, ids);
  rows.weight = device_.load({kDraftType, static_cast<int>(ids.size()), head_.cols, rows.bytes}, WeightUse::Project);
  return rows;
}

void DraftVocabulary::make_base(int size) {
  base_size_ = size;
  std::vector<Token> base(static_cast<size_t>(size));
  std::iota(base.begin(), base.end(), 0);
  std::fill_n(known_.begin(), size, true);
  base_ = encode(base);
  make_extra();
}

void DraftVocabulary::make_extra() {
  extra_ids_.insert(extra_ids_.end(), waiting_.begin(), waiting_.end());
  std::erase_if(extra_ids_, [&](Token token) { return token < base_size_; });
  // Full: the oldest would have to go, but a context with this many different rare tokens wants a wider base anyway.
  if (extra_ids_.size() > kExtraRoom && base_size_ < head_.rows) return make_base(std::min(2 * base_size_, head_.rows));
  waiting_.clear();
  refreshes_waited_ = 0;
  std::sort(extra_ids_.begin(), extra_ids_.end());
  extra_ = encode(extra_ids_);
  ids_.resize(static_cast<size_t>(base_size_));
  std::iota(ids_.begin(), ids_.end(), 0);
  ids_.insert(ids_.end(), extra_ids_.begin(), extra_ids_.end());
  device_.write(device_ids(), ids_.data());
}

Tensor DraftVocabulary::logits(Tensor hidden) {
  const Tensor rows = logits_.row_range(0, hidden.rows);
  if (ids_.empty()) {
    model_.draft_logits(rows, hidden);
    return rows;
  }
  const int extra = static_cast<int>(extra_ids_.size());
  const Tensor outs[] = {rows.columns(0, base_size_), rows.columns(base_size_, extra)};
  const Weight* weights[] = {base_.weight.get(), extra_.weight.get()};
  const size_t parts = extra > 0 ? 2 : 1;
  device_.project(std::span(outs, parts), hidden, std::span(weights, parts));
  return rows.columns(0, base_size_ + extra);
}

uint64_t DraftVocabulary::most_bytes(const QuantMatrix& head, int max_rows) {
  const uint64_t logits = sizeof(float) * static_cast<uint64_t>(max_rows) * static_cast<uint64_t>(head.rows);
  if (head.rows <= kFullSize) return logits;
  const int copied = 3 * kBaseSize + kExtraRoom;  // the base and one twice as wide
  return logits + sizeof(Token) * static_cast<uint64_t>(head.rows) +
         static_cast<uint64_t>(copied) * row_bytes(kDraftType, head.cols);
}

uint64_t DraftVocabulary::bytes_per_draft() const {
  if (ids_.empty()) return head_.bytes.size();
  return ids_.size() * row_bytes(kDraftType, head_.cols);
}

}  // namespace paceline
