#pragma once
// What can be set for a chat, by flags at the start and by /set later: both go through the flag table, so that values are checked and
// errors worded in one place.
#include <string>
#include <string_view>

#include "app/arguments.h"
#include "app/session.h"
#include "engine/sampler.h"

namespace paceline {

enum class Think { Auto, On, Off };

struct ChatSettings {
  SamplingParameters sampling;
  int max_tokens = -1;
  Think think = Think::Auto;
  bool show_thinking = false, show_stats = false, show_drafts = false;
};

// is_chat: what is shown by default in a chat on a terminal.
ChatSettings chat_settings(const Arguments& arguments, const Session& session, bool is_chat, bool on_terminal);

// With a seed, if none was given: so that it is drawn once and can be told.
Arguments with_seed(const Arguments& arguments);

// The arguments after "/set NAME VALUE". Throws UsageError for what cannot be set in a chat.
Arguments set_in_chat(const Arguments& arguments, std::string_view name_and_value);
// What /set alone shows.
std::string settings_page(const ChatSettings& settings);

}  // namespace paceline
