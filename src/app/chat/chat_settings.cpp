#include "app/chat/chat_settings.h"

#include <algorithm>
#include <array>
#include <vector>

#include "app/recommended_sampling.h"
#include "app/sampling_flags.h"
#include "base/error.h"
#include "base/random.h"
#include "text/chat_template.h"

namespace paceline {

namespace {

// Rows of the flag table that may change between two answers.
constexpr std::array<std::string_view, 14> kSettable = {"temperature",
                                                        "top_k",
                                                        "top_p",
                                                        "min_p",
                                                        "repeat_penalty",
                                                        "presence_penalty",
                                                        "frequency_penalty",
                                                        "penalty_window",
                                                        "seed",
                                                        "max_tokens",
                                                        "think",
                                                        "show_thinking",
                                                        "stats",
                                                        "show_drafts"};

bool is_settable(std::string_view id) { return std::find(kSettable.begin(), kSettable.end(), id) != kSettable.end(); }

// Names of settable flags without their dashes.
std::vector<std::string_view> settable_names() {
  std::vector<std::string_view> names;
  for (const Flag* flag : flags_of(kRun))
    if (is_settable(flag->id))
      for (std::string_view name : split_words(flag->names)) names.push_back(name.substr(name.find_first_not_of('-')));
  return names;
}

// A switch with an optional on or off.
bool is_on(const Arguments& arguments, std::string_view id, bool otherwise) {
  if (!arguments.has(id)) return otherwise;
  return arguments.text(id).value_or("on") != "off";
}

bool thinks(const Metadata& metadata, Think think) {
  const auto source = metadata.find_text("tokenizer.chat_template");
  if (!source) return false;
  return ChatTemplate::parse(*source).thinks(think == Think::Auto ? std::nullopt : std::optional(think == Think::On));
}

}  // namespace

ChatSettings chat_settings(const Arguments& arguments, const Session& session, bool is_chat, bool on_terminal) {
  ChatSettings settings;
  settings.max_tokens = static_cast<int>(arguments.integer("max_tokens").value_or(-1));
  const std::string think = arguments.text("think").value_or("auto");
  settings.think = think == "on" ? Think::On : (think == "off" ? Think::Off : Think::Auto);
  const Metadata& metadata = session.file->metadata();
  settings.sampling = sampling_parameters(arguments, metadata, *session.tokenizer,
                                          recommended_sampling(metadata, thinks(metadata, settings.think)));
  settings.show_thinking = is_on(arguments, "show_thinking", on_terminal);
  settings.show_stats = is_on(arguments, "stats", is_chat);
  settings.show_drafts = is_on(arguments, "show_drafts", false);
  return settings;
}

Arguments with_seed(const Arguments& arguments) {
  if (arguments.integer("seed").value_or(-1) >= 0) return arguments;
  constexpr int kUnusedBits = 11;  // a seed fits a double, so that JSON keeps it
  const std::string words[] = {"--seed", cat(system_seed() >> kUnusedBits)};
  return arguments.changed(words);
}

Arguments set_in_chat(const Arguments& arguments, std::string_view name_and_value) {
  const std::vector<std::string_view> words = split_words(name_and_value);
  std::string_view name = words.empty() ? "" : words[0];
  name.remove_prefix(std::min(name.find_first_not_of('-'), name.size()));
  const std::vector<std::string_view> names = settable_names();
  if (std::find(names.begin(), names.end(), name) == names.end()) {
    const std::string nearest = nearest_name(name, names);
    std::string all;
    for (const std::string_view known : names)
      if (known.size() > 1) all += cat(all.empty() ? "" : ", ", known);
    throw UsageError(cat("a chat has no setting ", name,
                         nearest.empty() ? "; there are " + all : cat("; did you mean ", nearest, "?")));
  }
  if (words.size() != 2) throw UsageError(cat("expected a name and a value, as in /set ", name, " VALUE"));
  const std::string flag = cat(name.size() == 1 ? "-" : "--", name);
  const std::string changes[] = {flag, std::string(words[1])};
  return with_seed(arguments.changed(changes));
}

std::string settings_page(const ChatSettings& settings) {
  const SamplingParameters& sampling = settings.sampling;
  const auto on_off = [](bool on) { return on ? "on" : "off"; };
  const char* think = settings.think == Think::On ? "on" : (settings.think == Think::Off ? "off" : "auto");
  return cat("temp ", sampling.temperature, "\ntop-k ", sampling.top_k, "\ntop-p ", sampling.top_p, "\nmin-p ",
             sampling.min_p, "\nrepeat-penalty ", sampling.repeat_penalty, "\npresence-penalty ",
             sampling.presence_penalty, "\nfrequency-penalty ", sampling.frequency_penalty, "\nrepeat-last-n ",
             sampling.penalty_window, "\nseed ", sampling.seed, "\npredict ", settings.max_tokens, "\nthink ", think,
             "\nshow-thinking ", on_off(settings.show_thinking), "\nstats ", on_off(settings.show_stats),
             "\nshow-drafts ", on_off(settings.show_drafts), "\n");
}

}  // namespace paceline
