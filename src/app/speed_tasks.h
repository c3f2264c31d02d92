#pragma once
// What `paceline bench` asks a model to do: the three use cases of the article that the project began with (code, DevOps, maths), prose,
// and copying; or the questions of a published suite. Whole prompts in tokens, in the model's own chat form.
#include <functional>
#include <string>
#include <vector>

#include "app/session.h"

namespace paceline {

struct SpeedTask {
  std::string name;  // "code"
  std::vector<std::vector<Token>> prompts;  // one answer each; at least one
  bool ends = true;  // stops where the model ends its answer; the copy task does not
};

// Questions as texts, for whoever makes prompts of them.
struct SpeedQuestions {
  std::string name;
  std::vector<std::string> texts;
};

std::vector<SpeedQuestions> everyday_questions();
// Of a suite, by category in order of appearance, the first `count` of each that `fits`. name: mt-bench or spec-bench (bench/suites), or a
// file of JSON lines in FastChat's form ({"category", "turns": [text, …]}), of which the first turn is asked. Throws Error naming file and
// line.
std::vector<SpeedQuestions> suite_questions(const std::string& name, int count,
                                            const std::function<bool(const std::string&)>& fits = {});

// One user message in ChatML, without thinking, where the vocabulary has it; else the text itself.
std::vector<Token> question_tokens(const Tokenizer& tokenizer, const std::string& text);

// The four questions.
std::vector<SpeedTask> question_tasks(const Tokenizer& tokenizer);

// A task for each category of a suite; questions of more than `room` tokens are left out, which is said.
std::vector<SpeedTask> suite_tasks(const Tokenizer& tokenizer, const std::string& name, int count, int room);

// Copying that any model does, trained on instructions or not: it is given a text of its own and the beginning of that text again, and
// most likely goes on as before. `own`: what it generates, greedily, after `start`.
SpeedTask copy_task(const std::vector<Token>& start, const std::vector<Token>& own);

}  // namespace paceline
