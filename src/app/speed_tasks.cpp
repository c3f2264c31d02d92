#include "app/speed_tasks.h"

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
  for (const auto& [name, question] : kQuestions)
    tasks.push_back({name, question, question_tokens(tokenizer, question), true});
  return tasks;
}

SpeedTask copy_task(const std::vector<Token>& start, const std::vector<Token>& own) {
  SpeedTask task{"copy", "", start, false};
  for (int time = 0; time < 2; ++time) {
    task.prompt.insert(task.prompt.end(), own.begin(), own.end());
    task.prompt.insert(task.prompt.end(), start.begin(), start.end());
  }
  return task;
}

}  // namespace paceline
