#include "app/prompt_text.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "app/console.h"
#include "app/model_path.h"
#include "base/error.h"

namespace paceline {

namespace {

// What has a slash is a model even when it is missing, so that a mistyped path is an error and not a question. A question with a slash
// is told how to be one (run_command.cpp).
bool looks_like_model(const std::string& word) {
  std::error_code error;
  return word.find('/') != std::string::npos || word.ends_with(".gguf") ||
         std::filesystem::is_regular_file(word, error);
}

void check_one_prompt(const Arguments& arguments) {
  if (arguments.has("prompt") && arguments.has("prompt_file"))
    throw UsageError("-p and -f both give a prompt, expected one of them");
}

std::string read_prompt_file(const std::string& path) { return path == "-" ? read_input() : read_file(path); }

// Something comes from a program or a file, not from a person or from nowhere.
bool is_piped_in() {
  struct stat facts{};
  return ::fstat(STDIN_FILENO, &facts) == 0 &&
         (S_ISFIFO(facts.st_mode) || S_ISREG(facts.st_mode) || S_ISSOCK(facts.st_mode));
}

std::string trimmed_end(std::string text) {
  text.erase(text.find_last_not_of('\n') + 1);
  return text;
}

}  // namespace

std::string prompt_text(const Arguments& arguments) {
  check_one_prompt(arguments);
  if (const auto given = arguments.text("prompt")) return *given;
  return read_prompt_file(arguments.text("prompt_file").value_or("-"));
}

bool gives_question(const Arguments& arguments) {
  return arguments.has("prompt") || arguments.has("prompt_file") || run_words(arguments).prompt;
}

std::string question_text(const Arguments& arguments) {
  check_one_prompt(arguments);
  const auto given = arguments.text("prompt"), words = run_words(arguments).prompt;
  if (given && words)
    throw UsageError(cat("-p and the words \"", *words, "\" both give a prompt, expected one of them"));
  std::string out = trimmed_end(given.value_or(words.value_or("")));
  if (given || (words && !arguments.has("prompt_file") && !is_piped_in())) return out;
  const std::string text = trimmed_end(read_prompt_file(arguments.text("prompt_file").value_or("-")));
  return cat(out, out.empty() || text.empty() ? "" : "\n\n", text);
}

RunWords run_words(const Arguments& arguments) {
  std::span<const std::string> words = arguments.positional();
  RunWords out{arguments.text("model").value_or(""), {}};
  if (out.model.empty() && !words.empty() && looks_like_model(words[0])) {
    out.model = words[0];
    words = words.subspan(1);
  }
  for (const std::string& word : words) out.prompt = out.prompt ? cat(*out.prompt, " ", word) : word;
  return out;
}

std::string model_name(const Arguments& arguments) {
  if (arguments.command() == kRun) {
    const std::string name = run_words(arguments).model;
    return name.empty() ? default_model_file() : name;
  }
  const bool named = arguments.has("model") || !arguments.positional().empty();
  if (!named && (arguments.command() & (kBench | kServe)) != 0) return default_model_file();
  if (arguments.positional().empty()) return arguments.required_text("model");
  if (arguments.has("model")) throw UsageError("-m and MODEL both name a model, expected one of them");
  return arguments.positional()[0];
}

}  // namespace paceline
