#include "app/prompt_text.h"

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

}  // namespace

std::string prompt_text(const Arguments& arguments) {
  const auto given = arguments.text("prompt");
  const auto file = arguments.text("prompt_file");
  if (given && file) throw UsageError("-p and -f both give a prompt, expected one of them");
  if (given) return *given;
  return file ? read_file(*file) : read_input();
}

RunWords run_words(const Arguments& arguments) {
  std::span<const std::string> words = arguments.positional();
  RunWords out{arguments.text("model").value_or(""), ""};
  if (out.model.empty() && !words.empty() && looks_like_model(words[0])) {
    out.model = words[0];
    words = words.subspan(1);
  }
  for (const std::string& word : words) out.prompt += cat(out.prompt.empty() ? "" : " ", word);
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
