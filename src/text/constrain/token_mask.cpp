#include "text/constrain/token_mask.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "text/constrain/mask_maker.h"

namespace paceline::constrain {

namespace {

constexpr size_t kLongestToken = 4096;  // bytes; longer ones are never allowed

std::vector<std::string> token_bytes(const Tokenizer& tokenizer) {
  std::vector<std::string> bytes(static_cast<size_t>(tokenizer.vocab_size()));
  for (Token token = 0; token < tokenizer.vocab_size(); ++token) {
    const TokenKind kind = tokenizer.kind(token);
    if (kind == TokenKind::Normal || kind == TokenKind::Byte || kind == TokenKind::UserDefined)
      bytes[static_cast<size_t>(token)] = tokenizer.piece(token);
  }
  return bytes;
}

}  // namespace

ConstraintVocabulary::ConstraintVocabulary(const Tokenizer& tokenizer)
    : end_tokens_(tokenizer.end_tokens().begin(), tokenizer.end_tokens().end()) {
  build(token_bytes(tokenizer));
}

ConstraintVocabulary::ConstraintVocabulary(std::span<const std::string> bytes, std::span<const Token> end_tokens)
    : end_tokens_(end_tokens.begin(), end_tokens.end()) {
  std::sort(end_tokens_.begin(), end_tokens_.end());
  build(bytes);
}

bool ConstraintVocabulary::is_end(Token token) const {
  return std::binary_search(end_tokens_.begin(), end_tokens_.end(), token);
}

std::string_view ConstraintVocabulary::bytes(Token token) const {
  const size_t index = static_cast<size_t>(token);
  return std::string_view(arena_).substr(offsets_[index], offsets_[index + 1] - offsets_[index]);
}

void ConstraintVocabulary::build(std::span<const std::string> bytes) {
  for (size_t id = 0; id < bytes.size(); ++id) {
    offsets_.push_back(static_cast<uint32_t>(arena_.size()));
    if (bytes[id].size() > kLongestToken || is_end(static_cast<Token>(id))) continue;
    arena_ += bytes[id];
    if (!bytes[id].empty()) sorted_tokens_.push_back(static_cast<Token>(id));
  }
  offsets_.push_back(static_cast<uint32_t>(arena_.size()));
  for (const Token token : end_tokens_) PACELINE_ASSERT(token >= 0 && token < size());
  std::sort(sorted_tokens_.begin(), sorted_tokens_.end(), [&](Token a, Token b) {
    const int order = this->bytes(a).compare(this->bytes(b));
    return order != 0 ? order < 0 : a < b;
  });
  nodes_.push_back({0, 0, 0, 0, 0});
  std::vector<uint32_t> path = {0};  // open nodes by depth
  const auto close_to = [&](size_t depth) {
    for (; path.size() > depth + 1; path.pop_back())
      nodes_[path.back()].subtree_end = static_cast<uint32_t>(nodes_.size());
  };
  std::string_view last;
  for (uint32_t i = 0; i < sorted_tokens_.size(); ++i) {
    const std::string_view text = this->bytes(sorted_tokens_[i]);
    const size_t shared = static_cast<size_t>(
        std::mismatch(last.begin(), last.begin() + static_cast<ptrdiff_t>(std::min(last.size(), text.size())),
                      text.begin())
            .first -
        last.begin());
    close_to(shared);
    for (size_t depth = shared; depth < text.size(); ++depth) {
      path.push_back(static_cast<uint32_t>(nodes_.size()));
      nodes_.push_back({static_cast<uint8_t>(text[depth]), 0, static_cast<uint16_t>(depth + 1), 0, i});
    }
    last = text;
  }
  close_to(0);
  nodes_[0].subtree_end = static_cast<uint32_t>(nodes_.size());
  nodes_.push_back({0, 0, 0, 0, static_cast<uint32_t>(sorted_tokens_.size())});
}

CompiledConstraint::CompiledConstraint(Grammar grammar, std::shared_ptr<const ConstraintVocabulary> vocabulary)
    : grammar_(std::make_shared<const Grammar>(std::move(grammar))),
      vocabulary_(std::move(vocabulary)),
      maker_(std::make_shared<MaskMaker>(grammar_, vocabulary_)) {}

CompiledConstraint::~CompiledConstraint() = default;

size_t CompiledConstraint::memory_bytes() {
  const std::lock_guard lock(mutex_);
  const std::lock_guard maker_lock(maker_->mutex);
  return grammar_->states.size() * 100 + maker_->memory_bytes();
}

std::shared_ptr<MaskMaker> CompiledConstraint::current() {
  const std::lock_guard lock(mutex_);
  const bool full = [&] {
    const std::lock_guard maker_lock(maker_->mutex);
    return maker_->is_full();
  }();
  if (full) maker_ = std::make_shared<MaskMaker>(grammar_, vocabulary_);
  return maker_;
}

ConstraintState::ConstraintState(std::shared_ptr<CompiledConstraint> constraint)
    : constraint_(std::move(constraint)), maker_(constraint_->current()), here_{maker_->matcher().start(), false} {}

// Moves to a fresh MaskMaker when this one has learnt too much, with what a rollback may come back to.
void ConstraintState::renew() {
  {
    const std::lock_guard lock(maker_->mutex);
    if (!maker_->is_full()) return;
  }
  const std::shared_ptr<MaskMaker> fresh = constraint_->current();
  if (fresh == maker_) return;
  std::shared_ptr<MaskMaker> former;  // outlives the locks
  const std::scoped_lock lock(maker_->mutex, fresh->mutex);
  const auto move = [&](Point& point) { point.set = fresh->matcher().import(maker_->matcher(), point.set); };
  move(here_);
  for (Point& point : before_) move(point);
  former = std::exchange(maker_, fresh);
  mask_ = nullptr;
}

std::span<const uint32_t> ConstraintState::allowed() {
  if (mask_) return *mask_;
  renew();
  const std::lock_guard lock(maker_->mutex);
  mask_ = here_.ended ? maker_->end_mask() : maker_->mask(here_.set);
  return *mask_;
}

bool ConstraintState::accept(Token token) {
  const ConstraintVocabulary& vocabulary = maker_->vocabulary();
  if (token < 0 || token >= vocabulary.size()) return false;
  renew();
  Point next = here_;
  {
    const std::lock_guard lock(maker_->mutex);
    if (vocabulary.is_end(token)) {
      if (!here_.ended && !maker_->matcher().can_end(here_.set)) return false;
      next.ended = true;
    } else {
      const std::string_view bytes = vocabulary.bytes(token);
      if (here_.ended || bytes.empty()) return false;
      next.set = maker_->matcher().read(here_.set, bytes);
      if (next.set == Matcher::kDead) return false;
    }
  }
  before_.push_back(here_);
  if (before_.size() > static_cast<size_t>(kMostRollback)) before_.pop_front();
  here_ = next;
  mask_ = nullptr;
  return true;
}

void ConstraintState::rollback(int count) {
  PACELINE_ASSERT(count >= 0 && static_cast<size_t>(count) <= before_.size());
  if (count == 0) return;
  here_ = before_[before_.size() - static_cast<size_t>(count)];
  before_.resize(before_.size() - static_cast<size_t>(count));
  mask_ = nullptr;
}

bool ConstraintState::can_end() const {
  if (here_.ended) return true;
  const std::lock_guard lock(maker_->mutex);
  return maker_->matcher().can_end(here_.set);
}

}  // namespace paceline::constrain
