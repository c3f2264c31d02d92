#include "text/merges.h"

#include <algorithm>
#include <array>
#include <bit>
#include <queue>

#include "base/error.h"
#include "text/byte_alphabet.h"

namespace paceline {

namespace {

// Up to here scanning for the best pair each time beats a heap; nearly all pieces of real text are shorter.
constexpr size_t kShortPiece = 24;

uint64_t pair_key(Token left, Token right) {
  return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
}

struct Node {
  Token token;
  int previous, next;  // -1: none
};

struct Candidate {
  uint32_t rank;
  int left;  // index of a node
  Token left_token, right_token;  // when one of the nodes has changed since, the candidate is void
  bool operator<(const Candidate& other) const {  // the best on top of a max-heap
    return rank != other.rank ? rank > other.rank : left > other.left;
  }
};

}  // namespace

MergeTable::MergeTable(const VocabularyData& data, const TokenTable& tokens)
    : slots_(std::bit_ceil(data.merges.size() * 2 + 1)) {
  Token unknown = -1;
  for (Token token = tokens.size() - 1; token >= 0; --token)
    if (tokens.kind(token) == TokenKind::Unknown) unknown = token;
  for (int byte = 0; byte < 256; ++byte) {
    const char character = static_cast<char>(byte);
    Token& token = byte_tokens_[byte];
    token = tokens.find_normal({&character, 1});
    if (token < 0) token = unknown;
    if (token < 0) fail(data.source, ": tokenizer.ggml.tokens has no token for byte ", byte, " (and no unknown token)");
  }
  std::string bytes;  // of both tokens of a merge
  for (size_t i = 0; i < data.merges.size(); ++i) {
    const std::string_view text = data.merges[i];
    const auto reject = [&](const char* why) {
      fail(data.source, ": tokenizer.ggml.merges[", i, "] is \"", text.substr(0, 80),
           "\", expected two tokens and a space between: ", why);
    };
    const size_t space = text.find(' ', 1);  // a symbol is not empty; the byte alphabet has no space
    if (space == std::string_view::npos) reject("there is no space");
    bytes.clear();
    append_unspelled(bytes, text.substr(0, space));
    const size_t cut = bytes.size();
    append_unspelled(bytes, text.substr(space + 1));
    const std::string_view both = bytes, left = both.substr(0, cut), right = both.substr(cut);
    const Token left_token = tokens.find_normal(left), right_token = tokens.find_normal(right);
    if (left.empty() || left_token < 0) reject("the first is not a token");
    if (right.empty() || right_token < 0) reject("the second is not a token");
    const Token merged = tokens.find_normal(both);
    if (merged < 0) reject("both together are not a token");
    add(left_token, right_token, {static_cast<uint32_t>(i), merged});
  }
}

size_t MergeTable::slot_of(uint64_t pair) const {
  const size_t mask = slots_.size() - 1;
  size_t slot = (pair * 0x9E3779B97F4A7C15u >> 24) & mask;
  while (slots_[slot].pair != kFree && slots_[slot].pair != pair) slot = (slot + 1) & mask;
  return slot;
}

void MergeTable::add(Token left, Token right, Merge merge) {
  const uint64_t pair = pair_key(left, right);
  Slot& slot = slots_[slot_of(pair)];
  if (slot.pair == kFree) slot = {pair, merge};  // of duplicates the first counts
}

MergeTable::Merge MergeTable::find(Token left, Token right) const {
  return slots_[slot_of(pair_key(left, right))].merge;
}

void MergeTable::apply(std::string_view piece, std::vector<Token>& out) const {
  if (piece.size() <= kShortPiece) apply_short(piece, out);
  else apply_long(piece, out);
}

void MergeTable::apply_short(std::string_view piece, std::vector<Token>& out) const {
  std::array<Token, kShortPiece> tokens;
  std::array<Merge, kShortPiece> merges;  // of token i with the next
  size_t count = piece.size();
  for (size_t i = 0; i < count; ++i) tokens[i] = byte_tokens_[static_cast<unsigned char>(piece[i])];
  for (size_t i = 0; i + 1 < count; ++i) merges[i] = find(tokens[i], tokens[i + 1]);
  while (count > 1) {
    size_t best = 0;
    for (size_t i = 1; i + 1 < count; ++i)
      if (merges[i].rank < merges[best].rank) best = i;
    if (merges[best].rank == kNoMerge) break;
    tokens[best] = merges[best].merged;
    --count;
    for (size_t i = best + 1; i < count; ++i) tokens[i] = tokens[i + 1], merges[i] = merges[i + 1];
    if (best + 1 < count) merges[best] = find(tokens[best], tokens[best + 1]);
    if (best > 0) merges[best - 1] = find(tokens[best - 1], tokens[best]);
  }
  out.insert(out.end(), tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(count));
}

void MergeTable::apply_long(std::string_view piece, std::vector<Token>& out) const {
  std::vector<Node> nodes(piece.size());
  const int count = static_cast<int>(piece.size());
  for (int i = 0; i < count; ++i)
    nodes[i] = {byte_tokens_[static_cast<unsigned char>(piece[i])], i - 1, i + 1 < count ? i + 1 : -1};
  std::priority_queue<Candidate> queue;
  const auto consider = [&](int left) {
    if (left < 0 || nodes[left].next < 0) return;
    const Token left_token = nodes[left].token, right_token = nodes[nodes[left].next].token;
    const Merge merge = find(left_token, right_token);
    if (merge.rank != kNoMerge) queue.push({merge.rank, left, left_token, right_token});
  };
  for (int i = 0; i + 1 < count; ++i) consider(i);
  while (!queue.empty()) {
    const Candidate best = queue.top();
    queue.pop();
    Node& left = nodes[best.left];
    if (left.token != best.left_token || left.next < 0 || nodes[left.next].token != best.right_token) continue;
    Node& right = nodes[left.next];
    left.token = find(best.left_token, best.right_token).merged;
    right.token = -1;
    left.next = right.next;
    if (left.next >= 0) nodes[left.next].previous = best.left;
    consider(left.previous);
    consider(best.left);
  }
  for (int i = 0; i >= 0; i = nodes[i].next) out.push_back(nodes[i].token);
}

}  // namespace paceline
