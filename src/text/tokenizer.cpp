#include "text/tokenizer.h"

#include <algorithm>
#include <iterator>
#include <limits>

#include "base/error.h"
#include "text/merges.h"
#include "text/pretokenizer.h"
#include "text/special_matcher.h"

namespace paceline {

namespace {

// Texts that end a turn or a document in some model family; GGUF files name only one of a model's several. The reference, which
// golden vectors come from, treats all of these as control tokens even where the file calls them normal.
constexpr std::string_view kEndTexts[] = {"<|eot_id|>", "<|im_end|>",      "<|end|>",
                                          "<|return|>", "<|call|>",        "<|flush|>",
                                          "<|calls|>",  "<end_of_turn>",   "<|endoftext|>",
                                          "</s>",       "<|eom_id|>",      "<EOT>",
                                          "< EOT >",    "_<EOT>",          "[EOT]",
                                          "[EOS]",      "<|end_of_text|>", "<end_of_utterance>",
                                          "<eos>",      "<turn|>",         "<｜end▁of▁sentence｜>"};
// What code models write after the last line of a file: the rest would be another file (spec 8.2).
constexpr std::string_view kFileEndTexts[] = {"<|fim_pad|>", "<fim-pad>", "<PAD>",      "<|repo_name|>", "<|fim_repo|>",
                                              "<fim-repo>",  "<REPO>",    "<reponame>", "<|file_sep|>"};

const PretokenizerRules& pretokenizer_rules(const VocabularyData& data) {
  const PretokenizerRules* rules = find_pretokenizer(data.pretokenizer);
  if (!rules)
    fail(data.source, ": tokenizer.ggml.pre is \"", data.pretokenizer, "\", expected one of ", pretokenizer_names());
  return *rules;
}

}  // namespace

struct Tokenizer::Tables {
  explicit Tables(const VocabularyData& data)
      : rules(pretokenizer_rules(data)), splitter(make_splitter(rules)), tokens(data), merges(data, tokens) {
    add_matchers();
    read_ids(data);
    find_end_tokens();
  }

  bool is_hidden(TokenKind kind) const {
    return kind == TokenKind::Control || kind == TokenKind::Unknown || kind == TokenKind::Unused;
  }

  void add_matchers() {
    for (Token token = 0; token < tokens.size(); ++token) {
      const TokenKind kind = tokens.kind(token);
      if (kind == TokenKind::UserDefined) always.add(tokens.bytes(token), token);
      if (kind == TokenKind::UserDefined || kind == TokenKind::Control || kind == TokenKind::Unknown)
        with_special.add(tokens.bytes(token), token);
    }
    for (const std::string_view text : kEndTexts)
      if (const Token token = tokens.find_normal(text); token >= 0 && tokens.find_special(text) < 0)
        with_special.add(text, token);
  }

  void read_ids(const VocabularyData& data) {
    const auto checked = [&](std::optional<Token> id, const char* key) -> Token {
      if (!id) return -1;
      if (*id < 0 || *id >= tokens.size())
        fail(data.source, ": ", key, " is ", *id, ", expected an id below ", tokens.size());
      return *id;
    };
    bos = checked(data.bos, "tokenizer.ggml.bos_token_id");
    eos = checked(data.eos, "tokenizer.ggml.eos_token_id");
    eot = checked(data.eot, "tokenizer.ggml.eot_token_id");
    eom = checked(data.eom, "tokenizer.ggml.eom_token_id");
    add_bos = data.add_bos.value_or(rules.adds_bos) && bos >= 0;
  }

  void find_end_tokens() {
    for (const Token token : {eos, eot, eom})
      if (token >= 0) ends.push_back(token);
    const auto add = [&](std::string_view text) {
      Token token = tokens.find_special(text);
      // "</s>" is also HTML's end of struck-through text, and a normal token of Qwen's vocabulary: there it ends nothing.
      if (token < 0 && text != "</s>") token = tokens.find_normal(text);
      if (token >= 0 && tokens.kind(token) != TokenKind::Unused) ends.push_back(token);
    };
    for (const std::string_view text : kEndTexts) add(text);
    for (const std::string_view text : kFileEndTexts) add(text);
    std::sort(ends.begin(), ends.end());
    ends.erase(std::unique(ends.begin(), ends.end()), ends.end());
  }

  void encode_plain(std::string_view text, std::vector<Token>& out) const {
    pretokenize(*splitter, text, [&](std::string_view piece) {
      if (rules.whole_pieces) {
        if (const Token token = tokens.find_normal(piece); token >= 0) return out.push_back(token);
      }
      merges.apply(piece, out);
    });
  }

  void check(Token token) const {
    if (token < 0 || token >= tokens.size())
      fail("token ", token, " does not exist, expected an id below ", tokens.size());
  }

  std::string_view piece(Token token, bool special) const {
    check(token);
    return is_hidden(tokens.kind(token)) && !special ? std::string_view() : tokens.bytes(token);
  }

  const PretokenizerRules& rules;
  std::unique_ptr<Splitter> splitter;
  TokenTable tokens;
  MergeTable merges;
  SpecialMatcher always, with_special;
  Token bos = -1, eos = -1, eot = -1, eom = -1;
  bool add_bos = false;
  std::vector<Token> ends;
};

std::unique_ptr<Tokenizer> Tokenizer::load(const GgufFile& file) { return build(read_vocabulary(file)); }

std::unique_ptr<Tokenizer> Tokenizer::build(const VocabularyData& data) {
  return std::unique_ptr<Tokenizer>(new Tokenizer(std::make_unique<Tables>(data)));
}

Tokenizer::Tokenizer(std::unique_ptr<Tables> tables) : tables_(std::move(tables)) {}
Tokenizer::~Tokenizer() = default;

int Tokenizer::vocab_size() const { return tables_->tokens.size(); }

std::vector<Token> Tokenizer::encode(std::string_view text, bool parse_special) const {
  if (text.size() > static_cast<size_t>(std::numeric_limits<int>::max()))
    fail("the text to tokenize has ", text.size(), " bytes, expected at most ", std::numeric_limits<int>::max());
  std::vector<Token> out;
  out.reserve(text.size() / 3);
  size_t at = 0;
  for (const SpecialMatcher::Match& match : (parse_special ? tables_->with_special : tables_->always).find(text)) {
    tables_->encode_plain(text.substr(at, match.start - at), out);
    out.push_back(match.token);
    at = match.start + match.length;
  }
  tables_->encode_plain(text.substr(at), out);
  return out;
}

std::string Tokenizer::piece(Token token, bool special) const { return std::string(tables_->piece(token, special)); }

std::string Tokenizer::decode(std::span<const Token> tokens, bool special) const {
  std::string out;
  for (const Token token : tokens) out += tables_->piece(token, special);
  return out;
}

TokenKind Tokenizer::kind(Token token) const {
  tables_->check(token);
  return tables_->tokens.kind(token);
}

Token Tokenizer::find(std::string_view text) const {
  const Token token = tables_->tokens.find_special(text);
  return token >= 0 ? token : tables_->tokens.find_normal(text);
}

Token Tokenizer::bos() const { return tables_->bos; }
Token Tokenizer::eos() const { return tables_->eos; }
bool Tokenizer::add_bos() const { return tables_->add_bos; }
std::span<const Token> Tokenizer::end_tokens() const { return tables_->ends; }
bool Tokenizer::is_end(Token token) const {
  return std::binary_search(tables_->ends.begin(), tables_->ends.end(), token);
}

void Tokenizer::learn_turn_end(std::string_view between_turns) {
  Token first = -1;
  for (const SpecialMatcher::Match& match : tables_->with_special.find(between_turns)) {
    if (is_end(match.token)) return;
    if (first < 0 && kind(match.token) == TokenKind::Control) first = match.token;
  }
  if (first < 0) return;
  tables_->ends.insert(std::lower_bound(tables_->ends.begin(), tables_->ends.end(), first), first);
}

}  // namespace paceline
