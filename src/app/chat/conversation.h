#pragma once
// What has been said so far, as chat templates take it: an optional system message, then user and assistant in turn. Invariant: between
// turns every question has its answer.
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"

namespace paceline {

// What helps when a conversation has outgrown its context.
inline constexpr const char* kMakeRoom = "/undo takes the last turn back, /new starts afresh";

struct Turn {
  std::string question;
  std::string reasoning, answer;
};

class Conversation {
 public:
  std::string system;

  const std::vector<Turn>& turns() const { return turns_; }
  void add(Turn turn) { turns_.push_back(std::move(turn)); }
  // The last turn, which goes.
  std::optional<Turn> undo();
  void clear() { turns_.clear(); }

  // The messages of all turns; with a question that has no answer yet, that one too.
  Json messages(const std::string* question = nullptr) const;

 private:
  std::vector<Turn> turns_;
};

}  // namespace paceline
