// paceline logits: every position's logits of a fixed prompt, for comparison with other engines (layout: tests/golden/README.md).
#include <fstream>

#include "app/commands.h"
#include "app/console.h"
#include "app/session.h"
#include "base/error.h"
#include "base/json.h"
#include "engine/prompt_logits.h"

namespace paceline {

namespace {

std::vector<Token> read_prompt_tokens(const std::string& path) {
  const Json document = Json::parse(read_file(path), path);
  std::vector<Token> tokens;
  for (const Json& item : document.at("prompt_tokens").as_array())
    tokens.push_back(static_cast<Token>(item.as_integer()));
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
  const std::vector<Token> prompt = read_prompt_tokens(arguments.required_text("tokens"));
  const Session session = open_session(arguments);
  const PromptLogits logits = compute_prompt_logits(*session.device, *session.model, prompt, session.options.kv,
                                                    Generator::model_rows(session.options));
  write_floats(prefix + ".trunk.f32", logits.trunk);
  if (!logits.draft.empty()) write_floats(prefix + ".mtp.f32", logits.draft);
  return 0;
}

}  // namespace paceline
