#include "app/speed_tasks.h"

#include <algorithm>
#include <filesystem>

#include "app/console.h"
#include "app/model_path.h"
#include "base/error.h"
#include "base/json.h"

namespace paceline {

namespace {

constexpr struct {
  const char* name;
  const char* question;
} kQuestions[] = {
    {"code", "write a Python function that computes the nth Fibonacci number using memoization, just the code"},
    {"DevOps", "find the 5 largest files in /var/log"},
    {"maths",
     "A bag has 4 red and 6 blue marbles; you draw two without replacement; what is the probability both are blue?"},
    {"prose", "Tell me about a day in the life of a racing cyclist, in a few short paragraphs."},
};

// Published suites lie with the program; other names are paths.
std::string suite_file(const std::string& name) {
  if (name.find('/') != std::string::npos || name.ends_with(".jsonl")) return name;
  for (const std::string& folder : shared_folders("bench/suites")) {
    const std::string file = cat(folder, "/", name, ".jsonl");
    std::error_code error;
    if (std::filesystem::is_regular_file(file, error)) return file;
  }
  fail("there is no suite ", name, ", expected mt-bench, spec-bench or a .jsonl file");
}

struct SuiteLine {
  std::string category, text;
};

SuiteLine suite_line(std::string_view line, const std::string& place) {
  const Json json = Json::parse(line, place);
  const Json* category = json.find("category");
  const Json* turns = json.find("turns");
  if (category == nullptr || !category->is_string() || turns == nullptr || !turns->is_array() ||
      turns->as_array().empty() || !turns->as_array()[0].is_string())
    fail(place, ": expected an object with a text \"category\" and a list of texts \"turns\"");
  return {category->as_string(), turns->as_array()[0].as_string()};
}

}  // namespace

std::vector<Token> question_tokens(const Tokenizer& tokenizer, const std::string& text) {
  const bool chats = tokenizer.find("<|im_start|>") >= 0 && tokenizer.find("<|im_end|>") >= 0;
  const char* answer =
      tokenizer.find("<think>") >= 0 ? "<|im_start|>assistant\n<think>\n\n</think>\n\n" : "<|im_start|>assistant\n";
  std::vector<Token> tokens;
  if (tokenizer.add_bos() && tokenizer.bos() >= 0) tokens.push_back(tokenizer.bos());
  const std::vector<Token> words =
      tokenizer.encode(chats ? cat("<|im_start|>user\n", text, "<|im_end|>\n", answer) : text, true);
  tokens.insert(tokens.end(), words.begin(), words.end());
  return tokens;
}

std::vector<SpeedTask> question_tasks(const Tokenizer& tokenizer) {
  std::vector<SpeedTask> tasks;
  for (const auto& [name, question] : kQuestions) tasks.push_back({name, {question_tokens(tokenizer, question)}, true});
  return tasks;
}

std::vector<SpeedQuestions> everyday_questions() {
  std::vector<SpeedQuestions> out;
  for (const auto& [name, question] : kQuestions) out.push_back({name, {question}});
  return out;
}

std::vector<SpeedQuestions> suite_questions(const std::string& name, int count,
                                            const std::function<bool(const std::string&)>& fits) {
  const std::string file = suite_file(name), text = read_file(file);
  std::vector<SpeedQuestions> out;
  int number = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = std::string_view(text).substr(at, end - at);
    at = end + 1, ++number;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const SuiteLine question = suite_line(line, cat(file, ", line ", number));
    auto task =
        std::find_if(out.begin(), out.end(), [&](const auto& known) { return known.name == question.category; });
    if (task != out.end() && static_cast<int>(task->texts.size()) >= count) continue;
    if (fits && !fits(question.text)) continue;
    if (task == out.end()) task = out.insert(task, {question.category, {}});
    task->texts.push_back(question.text);
  }
  if (out.empty()) fail(file, " holds no question that fits");
  return out;
}

std::vector<SpeedTask> suite_tasks(const Tokenizer& tokenizer, const std::string& name, int count, int room) {
  int too_long = 0;
  const auto fits = [&](const std::string& text) {
    const bool good = static_cast<int>(question_tokens(tokenizer, text).size()) <= room;
    too_long += good ? 0 : 1;
    return good;
  };
  std::vector<SpeedTask> tasks;
  for (const SpeedQuestions& questions : suite_questions(name, count, fits)) {
    tasks.push_back({questions.name, {}, true});
    for (const std::string& text : questions.texts) tasks.back().prompts.push_back(question_tokens(tokenizer, text));
  }
  if (too_long > 0) say(cat(too_long, " questions of ", name, " are longer than ", room, " tokens and left out"));
  return tasks;
}

SpeedTask copy_task(const std::vector<Token>& start, const std::vector<Token>& own) {
  std::vector<Token> prompt = start;
  for (int time = 0; time < 2; ++time) {
    prompt.insert(prompt.end(), own.begin(), own.end());
    prompt.insert(prompt.end(), start.begin(), start.end());
  }
  return {"copy", {std::move(prompt)}, false};
}

}  // namespace paceline
