// paceline tokenize: one line per token, id and piece; or ids alone; or JSON.
#include "app/commands.h"
#include "app/console.h"
#include "app/prompt_text.h"
#include "app/session.h"
#include "base/json.h"

namespace paceline {

namespace {

// Pieces may be any bytes: JSON's escapes make them one line of valid text.
std::string quoted(const std::string& piece) { return Json(piece).dump(); }

std::string as_lines(const Tokenizer& tokenizer, const std::vector<Token>& tokens, bool ids_only) {
  std::string out;
  for (const Token token : tokens)
    out += ids_only ? cat(token, "\n") : cat(token, "\t", quoted(tokenizer.piece(token, true)), "\n");
  return out;
}

std::string as_json(const Tokenizer& tokenizer, const std::vector<Token>& tokens, bool ids_only) {
  Json ids = Json::array(), pieces = Json::array(), out = Json::object();
  for (const Token token : tokens) {
    ids.push_back(token);
    pieces.push_back(tokenizer.piece(token, true));
  }
  out.set("ids", std::move(ids));
  if (!ids_only) out.set("pieces", std::move(pieces));
  return out.dump() + "\n";
}

}  // namespace

int run_tokenize(const Arguments& arguments) {
  const GgufFile file = open_model_file(arguments);
  const std::unique_ptr<Tokenizer> tokenizer = Tokenizer::load(file);
  const std::vector<Token> tokens = tokenizer->encode(prompt_text(arguments), !arguments.has("special_as_text"));
  const bool ids_only = arguments.has("ids");
  write_output(arguments.has("json") ? as_json(*tokenizer, tokens, ids_only) : as_lines(*tokenizer, tokens, ids_only));
  return 0;
}

}  // namespace paceline
