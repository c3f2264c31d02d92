#include "app/chat/conversation.h"

namespace paceline {

namespace {

Json message(const char* role, const std::string& content) {
  Json out = Json::object();
  out.set("role", role), out.set("content", content);
  return out;
}

}  // namespace

std::optional<Turn> Conversation::undo() {
  if (turns_.empty()) return std::nullopt;
  Turn last = std::move(turns_.back());
  turns_.pop_back();
  return last;
}

Json Conversation::messages(const std::string* question) const {
  Json list = Json::array();
  if (!system.empty()) list.push_back(message("system", system));
  for (const Turn& turn : turns_) {
    list.push_back(message("user", turn.question));
    Json answer = message("assistant", turn.answer);
    if (!turn.reasoning.empty()) answer.set("reasoning_content", turn.reasoning);
    list.push_back(std::move(answer));
  }
  if (question != nullptr) list.push_back(message("user", *question));
  return list;
}

}  // namespace paceline
