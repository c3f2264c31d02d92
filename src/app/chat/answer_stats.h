#pragma once
// How fast an answer came and what drafts gained, in words.
#include <string>
#include <vector>

#include "engine/generator.h"

namespace paceline {

// Sums over a chat, for /stats.
struct ChatTotals {
  int answers = 0;
  int64_t prompt_tokens = 0, cached_tokens = 0, answer_tokens = 0;
  double prompt_seconds = 0, generation_seconds = 0;
  SequenceStats stats;

  void add(const Generation& generation);
};

// One fact each: prompt, time to first token, answer, tokens per pass, drafts by position, gain. plain_rate: tokens per second without
// drafts, 0 when it has not been measured.
std::vector<std::string> answer_facts(const Generation& generation, double plain_rate);
std::vector<std::string> total_facts(const ChatTotals& totals, double plain_rate);

// The facts on lines no wider than `columns` where that can be.
std::string join_facts(const std::vector<std::string>& facts, int columns);

}  // namespace paceline
