#include "engine/lookup_index.h"

#include <algorithm>
#include <bit>

#include "base/random.h"

namespace paceline {

size_t LookupIndex::bucket(const Token* run) const {
  uint64_t hash = 0;
  for (int i = 0; i < kShortest; ++i) hash = mix64(hash ^ static_cast<uint64_t>(run[i]));
  return static_cast<size_t>(hash) & (latest_.size() - 1);
}

void LookupIndex::update(std::span<const Token> tokens) {
  const int length = std::min(static_cast<int>(tokens.size()), max_length_);
  if (latest_.empty()) {
    latest_.resize(std::bit_ceil(static_cast<size_t>(std::max(max_length_, 1))));
    before_.resize(static_cast<size_t>(max_length_) + 1);
  }
  if (length < known_) clear();
  for (int end = std::max(known_ + 1, kShortest); end <= length; ++end) {
    int32_t& latest = latest_[bucket(tokens.data() + end - kShortest)];
    before_[static_cast<size_t>(end)] = latest;
    latest = end;
  }
  known_ = length;
}

void LookupIndex::clear() {
  std::fill(latest_.begin(), latest_.end(), 0);
  known_ = 0;
}

LookupMatch LookupIndex::find(std::span<const Token> tokens) const {
  LookupMatch best;
  const int length = static_cast<int>(tokens.size());
  if (length != known_ || length < kShortest) return best;
  int at = before_[static_cast<size_t>(length)];
  for (int tried = 0; at > 0 && tried < kMostCandidates && best.length < kLongest; ++tried) {
    int common = 0;
    while (common < std::min(at, kLongest) &&
           tokens[static_cast<size_t>(at - 1 - common)] == tokens[static_cast<size_t>(length - 1 - common)])
      ++common;
    if (common >= kShortest && common > best.length) best = {common, at};
    at = before_[static_cast<size_t>(at)];
  }
  return best;
}

void LookupIndex::append(std::span<const Token> tokens, LookupMatch match, int count, std::vector<Token>& out) {
  const size_t start = out.size();
  for (int i = 0; i < count; ++i) {
    const size_t from = static_cast<size_t>(match.next + i);
    out.push_back(from < tokens.size() ? tokens[from] : out[start + from - tokens.size()]);
  }
}

}  // namespace paceline
