#include "app/arguments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "app/commands.h"
#include "app/synth/quant_mix.h"
#include "app/synth/shapes.h"
#include "base/error.h"

namespace paceline {
namespace {

using testing::HasSubstr;

Arguments parse(Command command, std::vector<std::string> words, int positional_limit = 0) {
  return Arguments::parse(command, words, positional_limit);
}

std::string complaint(Command command, const std::vector<std::string>& words) {
  try {
    parse(command, words);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "(accepted)";
}

TEST(Arguments, ReadsEveryKindOfValue) {
  const Arguments arguments =
      parse(kComplete, {"-m", "x.gguf", "--predict=12", "--temp", "0.25", "--ignore-eos", "--mtp", "auto"});
  EXPECT_EQ(arguments.text("model"), "x.gguf");
  EXPECT_EQ(arguments.integer("max_tokens"), 12);
  EXPECT_EQ(arguments.number("temperature"), 0.25);
  EXPECT_TRUE(arguments.has("ignore_eos"));
  EXPECT_EQ(arguments.text("mtp"), "auto");
  EXPECT_EQ(arguments.integer("mtp"), std::nullopt);
  EXPECT_FALSE(arguments.has("json"));
}

TEST(Arguments, TakesNegativeAndEmptyValues) {
  const Arguments arguments = parse(kComplete, {"-n", "-1", "-p", ""});
  EXPECT_EQ(arguments.integer("max_tokens"), -1);
  EXPECT_EQ(arguments.text("prompt"), "");
}

TEST(Arguments, TheLastOfSeveralValuesCountsAndRepeatsAccumulate) {
  const Arguments arguments = parse(kComplete, {"-n", "1", "-n", "2", "-l", "1+1", "-l", "2-1"});
  EXPECT_EQ(arguments.integer("max_tokens"), 2);
  EXPECT_EQ(arguments.texts("logit_bias"), (std::vector<std::string>{"1+1", "2-1"}));
}

TEST(Arguments, ChoicesIgnoreCase) { EXPECT_EQ(parse(kSynth, {"--type", "q4_k_m"}).text("type"), "Q4_K_M"); }

TEST(Arguments, UnknownFlagNamesTheNearest) {
  EXPECT_EQ(complaint(kComplete, {"--tempp", "1"}), "unknown flag --tempp; did you mean --temp?");
  EXPECT_EQ(complaint(kComplete, {"--ignore-eso"}), "unknown flag --ignore-eso; did you mean --ignore-eos?");
  EXPECT_THAT(complaint(kComplete, {"--quite-another-thing"}), HasSubstr("unknown flag --quite-another-thing"));
  EXPECT_THAT(complaint(kInspect, {"--temp", "1"}), HasSubstr("unknown flag --temp"));
}

TEST(Arguments, BadValuesSayWhatWasExpectedAndGot) {
  EXPECT_EQ(complaint(kComplete, {"--mtp", "7"}), "--mtp: expected off, auto or a whole number from 0 to 6, got \"7\"");
  EXPECT_EQ(complaint(kComplete, {"--mtp", "aut"}),
            "--mtp: expected off, auto or a whole number from 0 to 6, got \"aut\"; did you mean auto?");
  EXPECT_EQ(complaint(kComplete, {"--top-p", "1.5"}), "--top-p: expected a number from 0 to 1, got \"1.5\"");
  EXPECT_EQ(complaint(kComplete, {"--top-p", "nan"}), "--top-p: expected a number from 0 to 1, got \"nan\"");
  EXPECT_EQ(complaint(kComplete, {"-n", "12x"}), "-n: expected a whole number from -1 to 1000000000, got \"12x\"");
  EXPECT_EQ(complaint(kComplete, {"-n", ""}), "-n: expected a whole number from -1 to 1000000000, got \"\"");
  EXPECT_EQ(complaint(kComplete, {"-ctk", "q8_1"}),
            "-ctk: expected one of f16, q8_0, f32, got \"q8_1\"; did you mean q8_0?");
  EXPECT_EQ(complaint(kComplete, {"-n"}), "-n needs a value (N)");
  EXPECT_EQ(complaint(kComplete, {"--json=1"}), "--json: takes no value");
  EXPECT_EQ(complaint(kComplete, {"hello"}), "unexpected argument \"hello\"");
}

TEST(Arguments, MissingRequiredValueIsNamed) {
  try {
    parse(kSynth, {"--shape", "tiny"}).required_text("output");
    FAIL() << "accepted";
  } catch (const UsageError& error) {
    EXPECT_STREQ(error.what(), "missing -o FILE: the file to write");
  }
}

TEST(Arguments, FlagsThatChangeNothingSaySoOnce) {
  const Arguments arguments = parse(kComplete, {"-b", "99", "-b", "512", "-fa", "-n", "4", "--no-mmap"});
  EXPECT_EQ(arguments.integer("max_tokens"), 4);
  EXPECT_EQ(arguments.notes().size(), 3u);
  EXPECT_THAT(arguments.notes(), testing::Contains(HasSubstr("-b changes nothing here")));
}

TEST(Arguments, OptionalValueIsTakenOnlyWhenItIsOne) {
  EXPECT_EQ(parse(kComplete, {"-fa", "on"}).text("flash_attention"), "on");
  EXPECT_EQ(parse(kComplete, {"-fa"}).text("flash_attention"), std::nullopt);
  EXPECT_EQ(parse(kLogits, {"-fa", "model.gguf"}, 1).positional(), std::vector<std::string>{"model.gguf"});
}

TEST(FlagTable, NamesAndIdsAreUniqueWithinACommand) {
  for (const CommandInfo& info : all_commands()) {
    std::set<std::string_view> seen;
    for (const Flag* flag : flags_of(info.command)) {
      EXPECT_TRUE(seen.insert(flag->id).second) << info.name << " has two rows for " << flag->id;
      for (const std::string_view name : split_words(flag->names)) {
        EXPECT_TRUE(name.starts_with("-")) << name;
        EXPECT_TRUE(seen.insert(name).second) << info.name << " has two rows for " << name;
      }
    }
  }
}

TEST(FlagTable, EveryRowIsComplete) {
  for (const Flag& flag : all_flags()) {
    EXPECT_FALSE(flag.help.empty()) << flag.id;
    EXPECT_EQ(flag.kind == FlagKind::Switch, flag.value_name.empty()) << flag.id;
    if (flag.kind == FlagKind::Integer || flag.kind == FlagKind::Number) {
      EXPECT_LT(flag.lowest, flag.highest) << flag.id;
    }
  }
}

TEST(FlagTable, SynthChoicesAreTheShapesAndMixesThereAre) {
  std::set<std::string> shapes, types;
  for (const std::string& name : synth::shape_names()) shapes.insert(name);
  for (const std::string& name : synth::mix_names()) types.insert(name);
  for (const Flag* flag : flags_of(kSynth)) {
    const auto words = split_words(flag->choices);
    if (flag->id == "shape") {
      EXPECT_EQ(std::set<std::string>(words.begin(), words.end()), shapes);
    }
    if (flag->id == "type") {
      EXPECT_EQ(std::set<std::string>(words.begin(), words.end()), types);
    }
  }
}

TEST(Help, EveryFlagIsOnItsCommandsPage) {
  for (const CommandInfo& info : all_commands()) {
    const std::string page = command_page(info);
    for (const Flag* flag : flags_of(info.command))
      for (const std::string_view name : split_words(flag->names)) EXPECT_THAT(page, HasSubstr(std::string(name)));
  }
}

TEST(Help, LinesFitATerminal) {
  for (const CommandInfo& info : all_commands()) {
    const std::string page = command_page(info);
    for (size_t at = 0; at < page.size();) {
      const size_t end = page.find('\n', at);
      EXPECT_LE(end - at, 120u) << page.substr(at, end - at);
      at = end + 1;
    }
  }
}

TEST(Commands, UnknownOneNamesTheNearest) {
  try {
    run_paceline(std::vector<std::string>{"complte"});
    FAIL() << "accepted";
  } catch (const UsageError& error) {
    EXPECT_STREQ(error.what(), "unknown command complte; did you mean complete?");
  }
}

}  // namespace
}  // namespace paceline
