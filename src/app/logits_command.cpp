// paceline logits: every position's logits of a fixed prompt, for comparison with other engines (layout: tests/golden/README.md).
#include <cmath>
#include <fstream>

#include "app/commands.h"
#include "app/console.h"
#include "app/session.h"
#include "base/error.h"
#include "base/json.h"
#include "engine/prompt_logits.h"

namespace paceline {

namespace {

std::vector<Token> prompt_tokens(const Json& document, const std::string& path, int vocab_size) {
  const Json* list = document.is_object() ? document.find("prompt_tokens") : nullptr;
  if (list == nullptr) fail(path, ": prompt_tokens is missing, expected a list of tokens");
  if (!list->is_array() || list->as_array().empty())
    fail(path, ": prompt_tokens is ", list->dump(), ", expected a list of at least one token");
  std::vector<Token> tokens;
  for (const Json& item : list->as_array()) {
    const double token = item.is_number() ? item.as_number() : -1;
    if (token < 0 || token >= vocab_size || token != std::trunc(token))
      fail(path, ": prompt_tokens[", tokens.size(), "] is ", item.dump(), ", expected a whole number from 0 to ",
           vocab_size - 1);
    tokens.push_back(static_cast<Token>(token));
  }
  return tokens;
}

void write_floats(const std::string& path, const std::vector<float>& values) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(reinterpret_cast<const char*>(values.data()), static_cast<std::streamsize>(values.size() * sizeof(float)));
  file.close();
  if (!file) fail("cannot write ", path);
  say(cat("wrote ", path, ": ", values.size(), " values"));
}

}  // namespace

int run_logits(const Arguments& arguments) {
  const std::string prefix = arguments.required_text("out");
  const std::string path = arguments.required_text("tokens");
  const Json document = Json::parse(read_file(path), path);
  const Session session = open_session(arguments);
  const std::vector<Token> prompt = prompt_tokens(document, path, session.model->facts().vocab_size);
  const PromptLogits logits = compute_prompt_logits(*session.device, *session.model, prompt, session.options.kv,
                                                    Generator::model_rows(session.options));
  write_floats(prefix + ".trunk.f32", logits.trunk);
  if (!logits.draft.empty()) write_floats(prefix + ".mtp.f32", logits.draft);
  return 0;
}

}  // namespace paceline
