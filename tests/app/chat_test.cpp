// What a chat is made of, without a model: commands, settings, messages, statistics, pages for shells and man.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/chat/answer_stats.h"
#include "app/chat/chat_settings.h"
#include "app/chat/conversation.h"
#include "app/chat/slash_command.h"
#include "app/commands.h"
#include "app/man_page.h"
#include "app/prompt_text.h"
#include "app/shell_completion.h"
#include "app/terminal/text_width.h"
#include "base/error.h"

namespace paceline {
namespace {

using testing::HasSubstr;

Arguments run_arguments(const std::vector<std::string>& words) { return Arguments::parse(kRun, words, kAnyNumber); }

template <class Action>
std::string complaint_of(const Action& action) {
  try {
    action();
  } catch (const UsageError& error) {
    return error.what();
  }
  return "(accepted)";
}

TEST(SlashCommand, IsToldFromText) {
  for (const char* line : {"/help", "/?", "/set temp 0.5", "/system\nyou are"})
    EXPECT_TRUE(is_slash_line(line)) << line;
  for (const char* line : {"help", " /help", "//help", "/", "/ help", "/etc/hosts is what?", "/2"})
    EXPECT_FALSE(is_slash_line(line)) << line;
  const std::string long_text = " " + std::string(500, 'a');
  EXPECT_TRUE(is_slash_line("/system" + long_text));
  EXPECT_FALSE(is_slash_line("/sytem" + long_text));
  EXPECT_EQ(parse_slash_line("/system" + long_text).rest, long_text.substr(1));
  EXPECT_EQ(message_text("//help"), "/help");
  EXPECT_EQ(message_text("/etc/hosts"), "/etc/hosts");
}

TEST(SlashCommand, IsParsed) {
  const SlashLine line = parse_slash_line("/set  temp 0.5 \n");
  EXPECT_EQ(line.command, SlashCommand::Set);
  EXPECT_EQ(line.rest, "temp 0.5");
  EXPECT_EQ(parse_slash_line("/bye").command, SlashCommand::Quit);
  EXPECT_EQ(complaint_of([] { parse_slash_line("/hlep"); }), "there is no /hlep; did you mean /help?");
  EXPECT_EQ(parse_slash_line("/undo 2").rest, "2");
  for (const char* more : {"/new and something", "/retry\nplease", "/stats 1", "/quit now"})
    EXPECT_THAT(complaint_of([&] { parse_slash_line(more); }), HasSubstr("stands alone")) << more;
  EXPECT_EQ(complaint_of([] { parse_slash_line("/zzzzzzzz"); }), "there is no /zzzzzzzz; /help lists what there is");
}

TEST(SlashCommand, IsCompletedAndExplained) {
  EXPECT_EQ(complete_slash_line("/sy"), std::vector<std::string>{"/system "});
  EXPECT_EQ(complete_slash_line("/s").size(), 4u);
  EXPECT_TRUE(complete_slash_line("text").empty());
  for (const int columns : {40, 80}) {
    const std::string page = slash_help(columns);
    for (const std::string& name : complete_slash_line("/"))
      EXPECT_THAT(page, HasSubstr(name.substr(0, name.find(' '))));
    size_t start = 0;
    for (size_t end; (end = page.find('\n', start)) != std::string::npos; start = end + 1)
      EXPECT_LE(text_width(std::string_view(page).substr(start, end - start)), columns);
  }
}

TEST(ChatSettings, ChangeThroughTheFlagTable) {
  const Arguments given = with_seed(run_arguments({"--temp", "0.7", "--seed", "5"}));
  EXPECT_EQ(given.integer("seed"), 5);
  const Arguments changed = set_in_chat(set_in_chat(given, "temp 0.25"), "--think off");
  EXPECT_EQ(changed.number("temperature"), 0.25);
  EXPECT_EQ(changed.text("think"), "off");
  EXPECT_EQ(given.number("temperature"), 0.7);
  EXPECT_EQ(set_in_chat(given, "n 12").integer("max_tokens"), 12);
}

TEST(ChatSettings, RefuseWhatIsWrong) {
  const Arguments given = run_arguments({});
  const auto complaint = [&](const char* text) { return complaint_of([&] { set_in_chat(given, text); }); };
  EXPECT_EQ(complaint("temp hot"), "--temp: expected a number from 0 to 100, got \"hot\"");
  EXPECT_EQ(complaint("temp"), "expected a name and a value, as in /set temp VALUE");
  EXPECT_EQ(complaint("tmp 1"), "a chat has no setting tmp; did you mean temp?");
  EXPECT_THAT(complaint("model other.gguf"), HasSubstr("a chat has no setting model"));
  EXPECT_THAT(complaint("threads 3"), HasSubstr("a chat has no setting threads"));
}

TEST(ChatSettings, ASeedIsDrawnOnceAndFitsItsFlag) {
  const Arguments drawn = with_seed(run_arguments({}));
  ASSERT_TRUE(drawn.integer("seed"));
  EXPECT_GE(*drawn.integer("seed"), 0);
  EXPECT_EQ(with_seed(drawn).integer("seed"), drawn.integer("seed"));
  EXPECT_NE(with_seed(run_arguments({"--seed", "-1"})).integer("seed"), -1);
}

TEST(RunWords, ModelAndPrompt) {
  const auto words = [](const std::vector<std::string>& given) {
    const RunWords out = run_words(run_arguments(given));
    return std::pair(out.model, out.prompt.value_or("(none)"));
  };
  using Pair = std::pair<std::string, std::string>;
  EXPECT_EQ(words({}), Pair("", "(none)"));
  EXPECT_EQ(words({""}), Pair("", ""));
  EXPECT_EQ(words({"what", "is", "this"}), Pair("", "what is this"));
  EXPECT_EQ(words({"model.gguf", "hello"}), Pair("model.gguf", "hello"));
  EXPECT_EQ(words({"org/repo:Q8_0"}), Pair("org/repo:Q8_0", "(none)"));
  EXPECT_EQ(words({"-m", "a.gguf", "b.gguf", "is", "a", "file"}), Pair("a.gguf", "b.gguf is a file"));
  EXPECT_EQ(words({PACELINE_SOURCE_DIR "/README.md", "x"}), Pair(PACELINE_SOURCE_DIR "/README.md", "x"));
  EXPECT_EQ(words({"--", "-m", "is a flag"}), Pair("", "-m is a flag"));
}

TEST(Conversation, BecomesMessages) {
  Conversation conversation;
  conversation.system = "Be brief.";
  conversation.add({"Hi", "hm", "Hello"});
  const std::string question = "And?";
  EXPECT_EQ(conversation.messages(&question).dump(),
            R"([{"role":"system","content":"Be brief."},{"role":"user","content":"Hi"},)"
            R"({"role":"assistant","content":"Hello","reasoning_content":"hm"},{"role":"user","content":"And?"}])");
  EXPECT_EQ(conversation.undo()->question, "Hi");
  EXPECT_FALSE(conversation.undo());
  EXPECT_EQ(conversation.messages().as_array().size(), 1u);
}

Generation some_generation() {
  Generation generation;
  generation.output = std::vector<Token>(11, 1);
  generation.prompt_tokens = 20, generation.prompt_seconds = 0.1, generation.generation_seconds = 0.5;
  generation.stats.passes = 4, generation.stats.generated = 10;
  generation.stats.drafted = {4, 3}, generation.stats.accepted = {4, 2};
  return generation;
}

TEST(AnswerStats, SayWhatWasMeasured) {
  const std::string facts = join_facts(answer_facts(some_generation(), 10), 1000);
  EXPECT_EQ(facts,
            "prompt 20 tokens, 200 t/s · first token 100 ms · answer 11 tokens, 20.0 t/s · 2.50 tokens per pass · "
            "drafts accepted 4/4 2/3 · 2.00x the plain 10.0 t/s");
  Generation plain = some_generation();
  plain.stats.drafted = {}, plain.stats.accepted = {}, plain.drafting_paused = true;
  const std::string said = join_facts(answer_facts(plain, 10), 1000);
  EXPECT_THAT(said, HasSubstr("MTP paused: plain decoding is faster here"));
  EXPECT_THAT(said, testing::Not(HasSubstr("the plain")));
  Generation second = some_generation();
  second.cached_tokens = 15;
  EXPECT_THAT(join_facts(answer_facts(second, 0), 1000), HasSubstr("prompt 20 tokens, 15 of them known, 50.0 t/s"));
  Generation one;
  one.output = {1}, one.prompt_tokens = 1, one.prompt_seconds = 2;
  EXPECT_EQ(join_facts(answer_facts(one, 0), 1000), "prompt 1 token, 0.5 t/s · first token 2.0 s · answer 1 token");
}

TEST(AnswerStats, AddUp) {
  ChatTotals totals;
  totals.add(some_generation());
  totals.add(some_generation());
  EXPECT_EQ(join_facts(total_facts(totals, 10), 1000),
            "2 answers · prompts 40 tokens, 200 t/s · answers 22 tokens, 20.0 t/s · 2.50 tokens per pass · drafts "
            "accepted 8/8 4/6 · "
            "2.00x the plain 10.0 t/s");
}

TEST(AnswerStats, LinesFitTheScreen) {
  for (int columns = 20; columns < 120; ++columns) {
    const std::string page = join_facts(answer_facts(some_generation(), 10), columns) + "\n";
    size_t start = 0;
    for (size_t end; (end = page.find('\n', start)) != std::string::npos; start = end + 1)
      EXPECT_LE(text_width(std::string_view(page).substr(start, end - start)), columns);
  }
}

TEST(ShellCompletion, KnowsEveryCommandAndFlag) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const std::string script = completion_script(shell);
    for (const CommandInfo& info : all_commands()) {
      EXPECT_THAT(script, HasSubstr(std::string(info.name))) << shell;
      for (const Flag* flag : flags_of(info.command))
        if (!flag->changes_nothing) {
          const std::string_view name = split_words(flag->names).back();
          EXPECT_THAT(script, HasSubstr(std::string(name.substr(name.find_first_not_of('-'))))) << shell;
        }
    }
  }
  EXPECT_THAT(complaint_of([] { completion_script("bsh"); }), HasSubstr("did you mean bash?"));
}

TEST(ManPage, HasEveryCommandAndNoStrayRequests) {
  const std::string page = man_page("1.2.3");
  EXPECT_TRUE(page.starts_with(".TH PACELINE 1"));
  for (const CommandInfo& info : all_commands()) EXPECT_THAT(page, HasSubstr(cat(".SS \"", info.name, "\"")));
  for (size_t at = 0; (at = page.find("\n.", at)) != std::string::npos; ++at) {
    const std::string request = page.substr(at + 2, page.find_first_of(" \n", at + 2) - at - 2);
    EXPECT_THAT((std::vector<std::string>{"SH", "SS", "TP", "PP", "B", "I", "TH"}), testing::Contains(request));
  }
}

}  // namespace
}  // namespace paceline
