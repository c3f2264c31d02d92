#include "text/vocabulary.h"

#include <bit>
#include <functional>
#include <limits>

#include "gguf/reader.h"
#include "text/byte_alphabet.h"

namespace paceline {

namespace {

// Special tokens are looked for at every position of a text; the longest known are HTML tags and runs of spaces.
constexpr size_t kLongestSpecial = 1024;
constexpr int64_t kMostTokens = int64_t{1} << 24;

std::vector<TokenKind> read_kinds(const Metadata& metadata) {
  std::vector<TokenKind> kinds;
  if (!metadata.has("tokenizer.ggml.token_type")) return kinds;
  for (const int64_t value : metadata.integer_array("tokenizer.ggml.token_type")) {
    if (value < static_cast<int>(TokenKind::Normal) || value > static_cast<int>(TokenKind::Byte))
      fail(metadata.source(), ": tokenizer.ggml.token_type[", kinds.size(), "] is ", value, ", expected 1 to 6");
    kinds.push_back(static_cast<TokenKind>(value));
  }
  return kinds;
}

// "<0x41>" -> 'A' for byte tokens; anything else stays as it is.
std::string byte_token_bytes(const std::string& text) {
  unsigned value = 0;
  const bool shaped = text.size() == 6 && text.starts_with("<0x") && text.back() == '>';
  if (!shaped || std::from_chars(text.data() + 3, text.data() + 5, value, 16).ptr != text.data() + 5) return text;
  return std::string(1, static_cast<char>(value));
}

}  // namespace

VocabularyData read_vocabulary(const GgufFile& file) {
  const Metadata& metadata = file.metadata();
  const std::string& model = metadata.text("tokenizer.ggml.model");
  if (model != "gpt2")
    fail(metadata.source(), ": tokenizer.ggml.model is \"", model,
         "\", expected \"gpt2\" (byte-level BPE), the only kind supported");
  VocabularyData data;
  data.source = metadata.source();
  data.pretokenizer = metadata.text("tokenizer.ggml.pre");
  data.tokens = metadata.text_array("tokenizer.ggml.tokens");
  data.kinds = read_kinds(metadata);
  data.merges = metadata.text_array("tokenizer.ggml.merges");
  const auto id = [&](const char* key) -> std::optional<Token> {
    const std::optional<int64_t> value = metadata.find_integer(key, 0, std::numeric_limits<uint32_t>::max());
    if (!value || *value == std::numeric_limits<uint32_t>::max())
      return std::nullopt;  // some converters write -1 for none
    if (*value >= static_cast<int64_t>(data.tokens.size()))
      fail(data.source, ": ", key, " is ", *value, ", but there are only ", data.tokens.size(), " tokens");
    return static_cast<Token>(*value);
  };
  data.bos = id("tokenizer.ggml.bos_token_id");
  data.eos = id("tokenizer.ggml.eos_token_id");
  data.eot = id("tokenizer.ggml.eot_token_id");
  data.eom = id("tokenizer.ggml.eom_token_id");
  data.add_bos = metadata.find_bool("tokenizer.ggml.add_bos_token");
  return data;
}

TokenTable::TokenTable(const VocabularyData& data) : kinds_(data.kinds) {
  const size_t count = data.tokens.size();
  if (count == 0 || count > static_cast<size_t>(kMostTokens))
    fail(data.source, ": tokenizer.ggml.tokens has ", count, " entries, expected 1 to ", kMostTokens);
  if (kinds_.empty()) kinds_.assign(count, TokenKind::Normal);
  if (kinds_.size() != count)
    fail(data.source, ": tokenizer.ggml.token_type has ", kinds_.size(), " entries, expected one for each of the ",
         count, " tokens");
  offsets_.push_back(0);
  for (Index* index : {&normal_, &special_}) index->slots.assign(std::bit_ceil(count * 2), -1);
  for (size_t i = 0; i < count; ++i) {
    const std::string& text = data.tokens[i];
    const bool normal = kinds_[i] == TokenKind::Normal;
    if (!normal && text.size() > kLongestSpecial)
      fail(data.source, ": tokenizer.ggml.tokens[", i, "], a special token, has ", text.size(),
           " bytes, expected at most ", kLongestSpecial);
    arena_ += normal ? unspell_bytes(text) : kinds_[i] == TokenKind::Byte ? byte_token_bytes(text) : text;
    if (arena_.size() > std::numeric_limits<uint32_t>::max())
      fail(data.source, ": the tokens have more than 4 GiB of text");
    offsets_.push_back(static_cast<uint32_t>(arena_.size()));
  }
  for (Token token = 0; token < size(); ++token) insert(kind(token) == TokenKind::Normal ? normal_ : special_, token);
}

void TokenTable::insert(Index& index, Token token) {
  const size_t mask = index.slots.size() - 1;
  size_t slot = std::hash<std::string_view>()(bytes(token)) & mask;
  while (index.slots[slot] >= 0 && bytes(index.slots[slot]) != bytes(token)) slot = (slot + 1) & mask;
  index.slots[slot] = token;
}

Token TokenTable::find(const Index& index, std::string_view wanted) const {
  const size_t mask = index.slots.size() - 1;
  size_t slot = std::hash<std::string_view>()(wanted) & mask;
  while (index.slots[slot] >= 0 && bytes(index.slots[slot]) != wanted) slot = (slot + 1) & mask;
  return index.slots[slot];
}

Token TokenTable::find_normal(std::string_view wanted) const { return find(normal_, wanted); }
Token TokenTable::find_special(std::string_view text) const { return find(special_, text); }

}  // namespace paceline
