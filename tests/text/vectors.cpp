#include "tests/text/vectors.h"

#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <random>

#include "base/error.h"
#include "base/utf8.h"
#include "gguf/reader.h"
#include "text/byte_alphabet.h"

namespace paceline::testing {

namespace {

std::string data_path(const std::string& file) { return cat(PACELINE_TOKENIZER_DATA, "/", file); }

class Reader {
 public:
  explicit Reader(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) fail(path, " is missing: build the target tokenizer_data");
    bytes_.assign(std::istreambuf_iterator<char>(file), {});
  }
  int32_t number() {
    const std::string four = text(4);
    int32_t value;
    std::memcpy(&value, four.data(), 4);
    return value;
  }
  std::string text(size_t length) {
    if (length > bytes_.size() - at_) fail("vectors end early");
    at_ += length;
    return bytes_.substr(at_ - length, length);
  }
  std::vector<Token> ids() {
    std::vector<Token> ids(static_cast<size_t>(number()));
    for (Token& id : ids) id = number();
    return ids;
  }

 private:
  std::string bytes_;
  size_t at_ = 0;
};

}  // namespace

const std::vector<std::string>& vector_names() {
  static const std::vector<std::string> names = {"qwen35", "qwen2", "gpt-2", "llama-bpe"};
  return names;
}

std::vector<TokenizerVector> read_vectors(const std::string& name) {
  Reader reader(data_path(name + ".vectors"));
  std::vector<TokenizerVector> vectors(static_cast<size_t>(reader.number()));
  for (TokenizerVector& vector : vectors) {
    vector.text = reader.text(static_cast<size_t>(reader.number()));
    vector.answered = reader.number() != 0;
    vector.ids = reader.ids();
    vector.ids_special = reader.ids();
  }
  return vectors;
}

const Tokenizer& vector_tokenizer(const std::string& name) {
  static std::map<std::string, std::unique_ptr<Tokenizer>> loaded;
  std::unique_ptr<Tokenizer>& tokenizer = loaded[name];
  if (!tokenizer) tokenizer = Tokenizer::load(GgufFile::open(data_path(name + ".gguf")));
  return *tokenizer;
}

VocabularyData small_vocabulary(const std::vector<std::string>& words, const std::vector<SpecialToken>& specials,
                                const std::string& pretokenizer) {
  VocabularyData data;
  data.source = "small.gguf";
  data.pretokenizer = pretokenizer;
  for (int byte = 0; byte < 256; ++byte) data.tokens.push_back(spell_bytes(std::string(1, static_cast<char>(byte))));
  for (const std::string& word : words) {
    data.tokens.push_back(spell_bytes(word));
    data.merges.push_back(spell_bytes(word.substr(0, word.size() - 1)) + " " +
                          spell_bytes(word.substr(word.size() - 1)));
  }
  data.kinds.assign(data.tokens.size(), TokenKind::Normal);
  for (const SpecialToken& special : specials) data.tokens.push_back(special.text), data.kinds.push_back(special.kind);
  return data;
}

std::string random_text(uint64_t seed, size_t length, bool invalid_bytes) {
  static const char* const snippets[] = {" ",      "  ",     "\n",     "\r\n",   "\t",    "'s", "'LL",
                                         "don't",  "the",    " The",   "1",      "23",    "٣",  "½",
                                         "é",      "é",      "中文",   "́",       "क्षि",   "👍", "👨‍👩‍👧",
                                         "\u00a0", "\u3000", "\u180e", "\u200b", "...",   "!",  " \"",
                                         "::",     "ſ",      "K",      "ก็",      "\x01",  "_",  "<|",
                                         "|>",     "𝔘",      "a",      "B",      "\u0085"};
  std::mt19937_64 random(seed);
  std::string text;
  while (text.size() < length) {
    const uint64_t roll = random() % 16;
    if (roll < 11) {
      text += snippets[random() % std::size(snippets)];
    } else if (roll < 13 || !invalid_bytes) {
      uint32_t code_point = static_cast<uint32_t>(random() % 0x110000);
      if (roll == 11) code_point %= 0x3000;
      if (code_point < 0xD800 || code_point > 0xDFFF) append_utf8(text, code_point);
    } else {
      text += static_cast<char>(random());
    }
  }
  return text;
}

}  // namespace paceline::testing
