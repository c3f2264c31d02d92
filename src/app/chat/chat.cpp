#include "app/chat/chat.h"

#include <unistd.h>

#include <charconv>
#include <filesystem>

#include "app/console.h"
#include "app/environment.h"
#include "base/error.h"
#include "base/utf8.h"

namespace paceline {

namespace {

EditorStyle editor_style() { return {.prompt = "> ", .continuation = ". "}; }

// As a shell would have it.
std::string with_home(const std::string& path) {
  return path == "~" || path.starts_with("~/") ? environment("HOME") + path.substr(1) : path;
}

}  // namespace

Chat::Chat(Responder& responder, Arguments arguments)
    : responder_(responder),
      arguments_(std::move(arguments)),
      settings_(chat_settings(arguments_, responder.session(), true, true)),
      history_(history_file()),
      editor_(history_, editor_style(), complete_slash_line) {
  conversation_.system = arguments_.text("system").value_or("");
}

int Chat::columns() const { return terminal_size().columns; }

// Said to the person, in the tone of what is not the answer.
void Chat::note(const std::string& text) const {
  say_raw(cat(Style::of_stream(STDERR_FILENO).paint(Tone::Quiet, printable(text, "\n\t")), "\n"));
}

void Chat::note_complaint() const {
  if (const std::string complaint = responder_.complaint(settings_, conversation_); !complaint.empty()) note(complaint);
}

void Chat::run() {
  note("/help for help, Ctrl-D ends");
  note_complaint();
  while (true) {
    signals_.clear_interrupt();
    const EditResult line = editor_.read();
    if (line.kind == EditResult::Kind::End) return;
    if (line.kind == EditResult::Kind::Interrupted) {
      if (line.text.empty()) note("Ctrl-D or /quit ends the chat");
      continue;
    }
    if (line.text.find_first_not_of(" \n\t") == std::string::npos) continue;
    try {
      if (!handle_line(line.text)) return;
    } catch (const UsageError& error) {
      note(error.what());
    }
  }
}

bool Chat::handle_line(const std::string& line) {
  if (is_slash_line(line)) return obey(parse_slash_line(line));
  attempts_ = 0;
  ask(message_text(line));
  return true;
}

bool Chat::obey(const SlashLine& line) {
  switch (line.command) {
    case SlashCommand::Help: write_output(slash_help(columns())); return true;
    case SlashCommand::New:
      conversation_.clear();
      note("forgotten");
      return true;
    case SlashCommand::System: set_system(line.rest); return true;
    case SlashCommand::Set: set(line.rest); return true;
    case SlashCommand::Stats: show_stats(); return true;
    case SlashCommand::Save: save(line.rest); return true;
    case SlashCommand::Undo: undo(line.rest); return true;
    case SlashCommand::Retry: retry(); return true;
    case SlashCommand::Quit: return false;
  }
  return true;
}

void Chat::set(const std::string& rest) {
  if (rest.empty()) return write_output(settings_page(settings_));
  Arguments changed = set_in_chat(arguments_, rest);
  settings_ = chat_settings(changed, responder_.session(), true, true);
  arguments_ = std::move(changed);
  note("set " + rest);
  note_complaint();
}

void Chat::set_system(const std::string& rest) {
  if (rest.empty()) return note(conversation_.system.empty() ? "no system message" : conversation_.system);
  conversation_.system = rest == "-" ? "" : rest;
  note(conversation_.system.empty() ? "no system message from here on"
                                    : "system message set; /new starts afresh with it");
  note_complaint();
}

void Chat::undo(const std::string& rest) {
  const size_t turns = conversation_.turns().size();
  if (turns == 0) return note("there is nothing to take back");
  size_t count = 1;
  const char* const end = rest.data() + rest.size();
  const auto read = std::from_chars(rest.data(), end, count);
  if (!rest.empty() && (read.ec != std::errc() || read.ptr != end || count < 1 || count > turns))
    throw UsageError(cat("/undo: expected how many questions to take back, 1 … ", turns, ", got \"", rest, "\""));
  for (; count > 0; --count) conversation_.undo();
  note(cat("taken back; ", conversation_.turns().size(), " left"));
}

void Chat::retry() {
  const std::optional<Turn> turn = conversation_.undo();
  if (!turn) return note("there is no question to answer again");
  if (settings_.sampling.temperature <= 0)
    note("temperature 0 always gives the same answer; /set temp 0.8 lets it vary");
  ask(turn->question, ++attempts_);
  if (conversation_.turns().empty() || conversation_.turns().back().question != turn->question)
    conversation_.add(*turn);
}

// A file that was there before the chat is not overwritten.
void Chat::save(const std::string& name) {
  if (name.empty()) throw UsageError("expected a file name, as in /save chat.json");
  const std::string path = with_home(name);
  std::error_code error;
  if (path != saved_path_ && std::filesystem::exists(path, error))
    throw UsageError(cat(path, " exists already; choose another name"));
  Json out = Json::object();
  out.set("model", responder_.session().file->path());
  out.set("messages", conversation_.messages());
  try {
    write_file(path, out.dump(2) + "\n");
  } catch (const Error& trouble) {
    throw UsageError(trouble.what());
  }
  saved_path_ = path;
  note(cat("saved ", conversation_.turns().size(), " turns to ", path));
}

void Chat::show_stats() {
  if (!last_) return note("no answer yet");
  const double plain = responder_.plain_tokens_per_second();
  note(join_facts(answer_facts(*last_, plain), columns()));
  if (totals_.answers > 1) note(cat("\nin all\n", join_facts(total_facts(totals_, plain), columns())));
}

void Chat::ask(const std::string& question, int attempt) {
  ChatSettings settings = settings_;
  settings.sampling.seed += static_cast<uint64_t>(attempt);
  try {
    settle(question, respond(question, settings));
  } catch (const UsageError&) {
    throw;
  } catch (const Error& error) {
    note(error.what());
  }
}

ChatAnswer Chat::respond(const std::string& question, const ChatSettings& settings) {
  const TerminalGuard mode(TerminalMode::Quiet);
  signals_.clear_interrupt();
  AnswerPrinter printer(settings, true, Style::of_stream(STDOUT_FILENO));
  std::optional<ProgressLine> progress(std::in_place, "reading the prompt");
  const auto on_prompt = [&](double share) {
    if (share < 1) progress->show(share);
    else progress.reset();
  };
  return responder_.answer(conversation_, question, settings, printer, &signals_.interrupted(), on_prompt);
}

void Chat::settle(const std::string& question, ChatAnswer answer) {
  const bool is_stopped = answer.generation.reason == StopReason::Cancelled;
  if (answer.generation.output.empty() && is_stopped)
    return note("stopped before the answer; the question is taken back");
  if (is_stopped) note("stopped");
  if (answer.generation.reason == StopReason::ContextFull)
    note(cat(full_context_note(responder_.session()), "; ", kMakeRoom));
  totals_.add(answer.generation);
  last_ = answer.generation;
  if (settings_.show_stats)
    note(join_facts(answer_facts(answer.generation, responder_.plain_tokens_per_second()), columns()));
  conversation_.add({question, std::move(answer.reasoning), std::move(answer.text)});
  write_output("\n");
}

}  // namespace paceline
