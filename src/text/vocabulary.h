#pragma once
// What a tokenizer is made of: the arrays of tokenizer.ggml.* as plain data (VocabularyData), so that tools and tests need no file,
// and the checked, compact table of tokens (TokenTable). Ids everywhere are indices of `tokens`.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace paceline {

class GgufFile;
using Token = int32_t;

// GGUF's token types.
enum class TokenKind : uint8_t { Normal = 1, Unknown, Control, UserDefined, Unused, Byte };

struct VocabularyData {
  std::string source = "vocabulary";  // for messages
  std::string pretokenizer;  // tokenizer.ggml.pre
  std::vector<std::string> tokens;  // as in the file: normal tokens in GPT-2's byte alphabet, others literally
  std::vector<TokenKind> kinds;  // as many, or none: all Normal
  std::vector<std::string> merges;  // "left right", best first
  std::optional<Token> bos, eos, eot, eom;
  std::optional<bool> add_bos;
};

// Throws Error naming the file, the key and what is wrong.
VocabularyData read_vocabulary(const GgufFile& file);

// The bytes and kinds of all tokens, in one piece of memory.
class TokenTable {
 public:
  // Throws Error when kinds and tokens differ in number, a kind is unknown, or the special texts are too long.
  explicit TokenTable(const VocabularyData& data);

  int size() const { return static_cast<int>(kinds_.size()); }
  TokenKind kind(Token token) const { return kinds_[static_cast<size_t>(token)]; }
  // The bytes a token stands for: of control tokens and the like their text.
  std::string_view bytes(Token token) const {
    const size_t index = static_cast<size_t>(token);
    return std::string_view(arena_).substr(offsets_[index], offsets_[index + 1] - offsets_[index]);
  }
  // The normal token of exactly these bytes, -1: none. Of duplicates the last, as in the reference.
  Token find_normal(std::string_view bytes) const;
  // The same among the tokens that are not normal.
  Token find_special(std::string_view text) const;

 private:
  struct Index {  // open addressing, -1: free
    std::vector<Token> slots;
  };
  void insert(Index& index, Token token);
  Token find(const Index& index, std::string_view bytes) const;

  std::string arena_;
  std::vector<uint32_t> offsets_;
  std::vector<TokenKind> kinds_;
  Index normal_, special_;
};

}  // namespace paceline
