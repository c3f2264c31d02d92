#pragma once
// What the clients of `paceline bench --clients N` ask for: everyday questions, made-up prompts of one length, or the lengths, gaps and
// shared beginnings of a recorded trace.
#include <string>
#include <vector>

#include "app/session.h"

namespace paceline {

struct LoadRequest {
  double arrival_seconds = 0;  // since the start; of no account when clients wait for their answers
  std::vector<Token> prompt;
  int answer_tokens = 0;  // exactly; nothing ends earlier
};

struct Workload {
  std::string description;  // "16 requests, each client sends the next when it has its answer"
  std::vector<LoadRequest> requests;  // by arrival
  bool waits = true;  // each client sends its next request when it has the answer; false: by arrival_seconds
  bool shares_prefixes = false;  // the trace says which beginnings are the same; elsewhere no prompt is reused
  int context() const;  // positions that the longest request needs
};

// One line of a trace.
struct TraceEntry {
  double seconds = 0;
  int prompt_tokens = 0, answer_tokens = 0;
  std::vector<int64_t> blocks;  // equal numbers: equal blocks of kTraceBlock prompt tokens; empty: nothing is shared
};
inline constexpr int kTraceBlock = 512;

// Mooncake's JSON lines ({"timestamp": milliseconds, "input_length", "output_length", "hash_ids"}) or Azure's CSV (TIMESTAMP,
// ContextTokens,GeneratedTokens), told apart by the first character; at most `most` entries. Throws Error with the line.
std::vector<TraceEntry> parse_trace(const std::string& text, const std::string& name, size_t most);

// From --clients, --requests, --rate, --trace and --answer-tokens. prompt_tokens: 0 for the everyday questions.
Workload make_workload(const Arguments& arguments, const Session& session, int prompt_tokens);

}  // namespace paceline
