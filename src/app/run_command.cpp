// paceline run: a chat on a terminal; with a prompt, or with input or output that is no terminal, one answer. Standard output carries the
// answer alone.
#include <unistd.h>

#include "app/chat/chat.h"
#include "app/chat/start_line.h"
#include "app/commands.h"
#include "app/console.h"
#include "app/knowledge_cache.h"
#include "app/model_path.h"
#include "app/prompt_text.h"
#include "base/error.h"

namespace paceline {

namespace {

void say_start(const Session& session, const SamplingParameters& sampling) {
  const bool on_terminal = ::isatty(STDERR_FILENO) == 1;
  const int columns = on_terminal ? terminal_size().columns : 1 << 20;
  const std::string facts = join_facts(start_facts(session, sampling), columns);
  say_raw(cat(on_terminal ? Style::of_stream(STDERR_FILENO).paint(Tone::Quiet, facts) : facts, "\n"));
}

// Rounds without drafts at the start: few enough not to be felt, enough for a median.
constexpr int kPlainRounds = 3;

void answer_once(Responder& responder, const Arguments& arguments, const std::string& question) {
  const TerminationWatch watch;
  const bool on_terminal = output_is_terminal();
  const ChatSettings settings = chat_settings(arguments, responder.session(), false, on_terminal);
  Conversation conversation;
  conversation.system = arguments.text("system").value_or("");
  if (const std::string complaint = responder.complaint(settings, conversation); !complaint.empty()) say(complaint);
  AnswerPrinter printer(settings, on_terminal, Style::of_stream(STDOUT_FILENO));
  std::optional<ProgressLine> progress(std::in_place, "reading the prompt");
  const auto on_prompt = [&](double share) {
    if (share < 1) progress->show(share);
    else progress.reset();
  };
  const ChatAnswer answer = responder.answer(conversation, question, settings, printer, nullptr, on_prompt);
  if (answer.generation.reason == StopReason::ContextFull) say(full_context_note(responder.session()));
  if (settings.show_stats) {
    const int columns = ::isatty(STDERR_FILENO) == 1 ? terminal_size().columns : 1 << 20;
    say_raw(join_facts(answer_facts(answer.generation, responder.plain_tokens_per_second()), columns) + "\n");
  }
}

// A model that is missing is said before anything is read or asked.
void check_model(const Arguments& arguments) {
  try {
    find_model_file(model_name(arguments));
  } catch (const Error& error) {
    const bool may_be_question = !arguments.has("model") && run_words(arguments).model.find(' ') != std::string::npos;
    if (!may_be_question) throw;
    fail(error.what(), "\nA first word with a slash names a model; for a question: paceline run -p \"…\"");
  }
}

}  // namespace

int run_run(const Arguments& given) {
  check_model(given);
  const bool is_chat = is_conversation_possible() && !gives_question(given);
  std::string question;
  if (!is_chat) {
    question = question_text(given);
    if (question.empty())
      throw UsageError("there is nothing to answer, expected a prompt (paceline run \"…\"), -f FILE or standard input");
  }
  const Arguments arguments = with_seed(given);
  Session session = open_session(arguments);
  if (session.options.drafts > 0 || session.options.lookup_drafts > 0) session.options.plain_rounds = kPlainRounds;
  if (is_chat) session.options.prefix_cache_bytes = -1;
  Responder responder(session);
  say_start(session, chat_settings(arguments, session, is_chat, is_chat).sampling);
  if (is_chat) Chat(responder, arguments).run();
  else answer_once(responder, arguments, question);
  save_knowledge(session, responder.learned());
  return 0;
}

}  // namespace paceline
