// A conversation, answer after answer: with what earlier prompts left the generator reads what is new alone, and the text is that of reading
// all of it.
#include "engine/generator.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "engine/engine_fixture.h"

namespace paceline {
namespace {

using test::LoadedModel;

GeneratorOptions options_for(const LoadedModel& loaded) {
  GeneratorOptions options;
  options.context = 512;
  options.max_prompt_rows = 16;
  options.drafts = loaded.model->facts().has_draft_head ? 3 : 0;
  options.lookup_drafts = kMaxLookupDrafts;
  return options;
}

struct Turns {
  std::vector<Generation> answers;
  std::vector<int> chunks;  // of the prompt, by turn
};

class Conversing : public testing::TestWithParam<const char*> {
 protected:
  static constexpr int kTurns = 4;

  // Each prompt is the one before, its answer and a question; the start of an answer (`call`) is not repeated, as thoughts are not.
  Turns converse(int64_t cache_bytes, bool repeats_call) {
    GeneratorOptions options = options_for(loaded_);
    options.prefix_cache_bytes = cache_bytes;
    Generator generator(*loaded_.device, *loaded_.model, options);
    Turns turns;
    std::vector<Token> conversation = test::random_prompt(*loaded_.model, 1, 60);
    const std::vector<Token> call = test::random_prompt(*loaded_.model, 2, 3);
    for (uint64_t turn = 0; turn < kTurns; ++turn) {
      const int stable = static_cast<int>(conversation.size());
      std::vector<Token> prompt = conversation;
      prompt.insert(prompt.end(), call.begin(), call.end());
      const GenerationLimits limits{.max_tokens = 30, .end_tokens = {}, .stable_positions = std::span(&stable, 1)};
      turns.chunks.push_back(0);
      turns.answers.push_back(generator.generate(
          prompt, test::sampling(0.8f, turn), limits, [](Token) { return true; }, [&](int) { ++turns.chunks.back(); }));
      if (repeats_call) conversation = prompt;
      const std::vector<Token>& answer = turns.answers.back().output;
      conversation.insert(conversation.end(), answer.begin(), answer.end());
      for (const Token token : test::random_prompt(*loaded_.model, 10 + turn, 12)) conversation.push_back(token);
    }
    return turns;
  }

  LoadedModel loaded_{GetParam()};
};

TEST_P(Conversing, ReadsWhatIsNewAndSaysTheSame) {
  for (const bool repeats_call : {true, false}) {
    const Turns all = converse(0, repeats_call), fresh = converse(-1, repeats_call), small = converse(1, repeats_call);
    for (size_t turn = 0; turn < kTurns; ++turn) {
      const Generation &whole = all.answers[turn], &part = fresh.answers[turn];
      EXPECT_EQ(part.output, whole.output) << "turn " << turn;
      EXPECT_EQ(small.answers[turn].output, whole.output) << "turn " << turn;
      EXPECT_EQ(part.prompt_tokens, whole.prompt_tokens);
      EXPECT_EQ(whole.cached_tokens, 0);
      EXPECT_EQ(small.answers[turn].cached_tokens, 0) << "a byte keeps nothing";
      if (turn == 0) continue;
      // Up to the last token of the answer, or to the end of the question where the call for an answer is not repeated.
      EXPECT_EQ(part.prompt_tokens - part.cached_tokens, 1 + 12 + 3 + (repeats_call ? 0 : 29)) << "turn " << turn;
      EXPECT_LT(fresh.chunks[turn], all.chunks[turn]);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Generator, Conversing,
                         testing::Values("hybrid-tied.Q8_0.gguf", "hybrid-plain.Q8_0.gguf", "dense-qwen3.Q8_0.gguf"),
                         [](const auto& model) { return "Model" + std::to_string(model.index); });

// An answer ends within a pass: the drafts behind its end are no part of it, and a prompt that goes on after the end goes on from there.
TEST(Generator, AnAnswerIsKeptUpToItsEnd) {
  LoadedModel loaded("hybrid-tied.Q8_0.gguf");
  const std::vector<Token> prompt = test::random_prompt(*loaded.model, 1, 60);
  GeneratorOptions options = options_for(loaded);
  options.prefix_cache_bytes = -1;
  const auto answer = [&](Generator& generator, uint64_t seed, std::span<const Token> to, std::span<const Token> ends) {
    std::vector<GeneratedToken> tokens;
    generator.generate(to, test::sampling(0.3f, seed), {.max_tokens = 80, .end_tokens = ends},
                       [&](GeneratedToken token) {
                         tokens.push_back(token);
                         return true;
                       });
    return tokens;
  };
  // A token that comes late, for the first time, and not as the last of its pass.
  const auto find_end = [](const std::vector<GeneratedToken>& tokens) -> std::optional<size_t> {
    for (size_t i = 33; i < tokens.size(); ++i)
      if (tokens[i].was_draft && std::find(tokens.begin(), tokens.begin() + static_cast<ptrdiff_t>(i), tokens[i].id) ==
                                     tokens.begin() + static_cast<ptrdiff_t>(i))
        return i;
    return std::nullopt;
  };
  bool is_found = false;
  for (uint64_t seed = 0; seed < 200 && !is_found; ++seed) {
    Generator generator(*loaded.device, *loaded.model, options);
    const std::vector<GeneratedToken> tokens = answer(generator, seed, prompt, {});
    const std::optional<size_t> end = find_end(tokens);
    if (!end) continue;
    is_found = true;
    const Token ends[] = {tokens[*end]};
    Generator other(*loaded.device, *loaded.model, options);
    EXPECT_EQ(answer(other, seed, prompt, ends).size(), *end);
    std::vector<Token> next = prompt;
    next.insert(next.end(), tokens.begin(), tokens.begin() + static_cast<ptrdiff_t>(*end) + 1);
    next.push_back(ends[0] == 0 ? 1 : 0);
    const Generation follow_up =
        other.generate(next, {}, {.max_tokens = 1, .end_tokens = {}}, [](Token) { return true; });
    EXPECT_EQ(follow_up.cached_tokens, static_cast<int>(prompt.size() + *end)) << "seed " << seed;
  }
  EXPECT_TRUE(is_found);
}

}  // namespace
}  // namespace paceline
