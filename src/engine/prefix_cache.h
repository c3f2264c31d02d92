#pragma once
// What prompts leave for later ones that begin alike: a tree of snapshots. A node is a position in some token history; it holds the K and V
// of the tokens since its parent, and the recurrent memory at its end together with the trunk's hidden state there, which the draft head
// needs to go on. Restoring copies the nodes on the way from the root into a sequence, bit for bit what computing the tokens would leave.
//
// Snapshots are copies in ordinary memory, so they outlive the slot they came from and serve several at once. When the limit is reached,
// the least recently used leaf goes.
#include <memory>
#include <span>
#include <vector>

#include "engine/sequence.h"

namespace paceline {

struct PrefixCacheStats {
  int entries = 0;
  uint64_t bytes = 0, limit_bytes = 0;
  uint64_t hits = 0, misses = 0, evictions = 0;
};

// Bytes that a cache may take: those wanted, or for < 0 an eighth of the room for it and the sequences, at most 4 GiB.
uint64_t cache_limit_bytes(int64_t wanted, uint64_t room);

class PrefixCache {
 public:
  PrefixCache(Device& device, uint64_t limit_bytes);
  ~PrefixCache();

  // Puts `sequence`, fresh and with the prompt in its tokens, as far into its prompt as a snapshot of the same tokens reaches, at least one
  // token short of the end. Returns its new length, 0 where nothing fits.
  int restore(Sequence& sequence);

  // Keeps a snapshot at sequence.state.length(), unless there is one. hidden_row: of kept_hidden, the trunk's state of the last token.
  // A position close behind another snapshot is not worth one: nothing happens below `least_gain` tokens beyond it.
  void keep(const Sequence& sequence, int hidden_row, int least_gain);

  const PrefixCacheStats& stats() const { return stats_; }

 private:
  struct Node;

  // The deepest node below `from` whose tokens begin `tokens`.
  Node* find(Node& from, std::span<const Token> tokens);
  void touch(Node* node);
  void shrink(const Node* spared);
  Node* oldest_leaf(Node& from, const Node* spared);
  void remove(Node* node);

  Device& device_;
  std::unique_ptr<Node> root_;
  uint64_t clock_ = 0;
  PrefixCacheStats stats_;
};

}  // namespace paceline
