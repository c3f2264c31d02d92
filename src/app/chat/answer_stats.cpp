#include "app/chat/answer_stats.h"

#include "app/flags.h"
#include "app/terminal/text_width.h"
#include "base/strings.h"

namespace paceline {

namespace {

constexpr std::string_view kSeparator = " · ";

std::string rate(double per_second) { return cat(fixed(per_second, per_second < 100 ? 1 : 0), " t/s"); }

std::string duration(double seconds) {
  if (seconds < 1) return cat(fixed(seconds * 1e3, 0), " ms");
  return cat(fixed(seconds, 1), " s");
}

double quotient(double a, double b) { return b > 0 ? a / b : 0; }

std::string counted(int64_t count, std::string_view what) { return cat(count, " ", what, count == 1 ? "" : "s"); }

// The rate behind it is that of the others.
std::string prompt_fact(int64_t tokens, int64_t cached) {
  return cat(counted(tokens, "token"), cached > 0 ? cat(", ", cached, " of them known") : "");
}

// Accepted of drafted, by how far ahead the draft was.
std::string draft_fact(const SequenceStats& stats) {
  std::string out = "drafts accepted";
  for (size_t i = 0; i < stats.drafted.size() && stats.drafted[i] > 0; ++i)
    out += cat(" ", stats.accepted[i], "/", stats.drafted[i]);
  return out;
}

void add_speculation(std::vector<std::string>& facts, const SequenceStats& stats, double tokens_per_second,
                     double plain_rate) {
  if (stats.passes == 0) return;
  const double per_pass = static_cast<double>(stats.generated) / static_cast<double>(stats.passes);
  facts.push_back(cat(fixed(per_pass, 2), " tokens per pass"));
  if (stats.drafted[0] == 0 && stats.lookup_drafted == 0) return;
  if (stats.drafted[0] > 0) facts.push_back(draft_fact(stats));
  if (stats.lookup_drafted > 0) facts.push_back(cat("copied ", stats.lookup_accepted, "/", stats.lookup_drafted));
  if (plain_rate > 0) facts.push_back(cat(fixed(tokens_per_second / plain_rate, 2), "x the plain ", rate(plain_rate)));
}

}  // namespace

void ChatTotals::add(const Generation& generation) {
  ++answers;
  prompt_tokens += generation.prompt_tokens;
  cached_tokens += generation.cached_tokens;
  answer_tokens += static_cast<int64_t>(generation.output.size());
  prompt_seconds += generation.prompt_seconds;
  generation_seconds += generation.generation_seconds;
  stats.passes += generation.stats.passes;
  stats.generated += generation.stats.generated;
  stats.lookup_drafted += generation.stats.lookup_drafted;
  stats.lookup_accepted += generation.stats.lookup_accepted;
  for (size_t i = 0; i < stats.drafted.size(); ++i) {
    stats.drafted[i] += generation.stats.drafted[i];
    stats.accepted[i] += generation.stats.accepted[i];
  }
}

std::vector<std::string> answer_facts(const Generation& generation, double plain_rate) {
  std::vector<std::string> facts;
  facts.push_back(cat("prompt ", prompt_fact(generation.prompt_tokens, generation.cached_tokens), ", ",
                      rate(generation.prompt_tokens_per_second())));
  facts.push_back(cat("first token ", duration(generation.prompt_seconds)));
  std::string answer = cat("answer ", counted(static_cast<int64_t>(generation.output.size()), "token"));
  if (generation.stats.passes > 0) answer += cat(", ", rate(generation.tokens_per_second()));
  facts.push_back(answer);
  add_speculation(facts, generation.stats, generation.tokens_per_second(), plain_rate);
  if (generation.drafting_paused) facts.push_back("MTP paused: plain decoding is faster here");
  return facts;
}

std::vector<std::string> total_facts(const ChatTotals& totals, double plain_rate) {
  const double speed = quotient(static_cast<double>(totals.stats.generated), totals.generation_seconds);
  std::vector<std::string> facts = {
      counted(totals.answers, "answer"),
      cat("prompts ", prompt_fact(totals.prompt_tokens, totals.cached_tokens), ", ",
          rate(quotient(static_cast<double>(totals.prompt_tokens - totals.cached_tokens), totals.prompt_seconds))),
      cat("answers ", counted(totals.answer_tokens, "token"), ", ", rate(speed))};
  add_speculation(facts, totals.stats, speed, plain_rate);
  return facts;
}

// A fact that is wider than a line is broken between its words.
std::string join_facts(const std::vector<std::string>& facts, int columns) {
  std::string out;
  int column = 0;
  const auto put = [&](std::string_view text, std::string_view before) {
    const int width = text_width(text), gap = text_width(before);
    if (column > 0 && column + gap + width <= columns) out += before, column += gap;
    else if (column > 0) out += '\n', column = 0;
    out += text;
    column += width;
  };
  for (const std::string& fact : facts) {
    const std::vector<std::string_view> words = split_words(fact);
    if (text_width(fact) <= columns || words.empty()) {
      put(fact, kSeparator);
      continue;
    }
    put(words[0], kSeparator);
    for (size_t i = 1; i < words.size(); ++i) put(words[i], " ");
  }
  return out;
}

}  // namespace paceline
