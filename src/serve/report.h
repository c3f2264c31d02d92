#pragma once
// What all APIs tell about how an answer came: llama.cpp's `timings` and our own extension `paceline` (docs/server.md).
#include <string>
#include <vector>

#include "base/json.h"
#include "serve/job.h"

namespace paceline {

Json timings_json(const Answer& answer);
// Passes, tokens per pass, drafts by position, and which of the answer's tokens were drafts.
Json speculation_json(const Answer& answer);
// Of one pass, for `show_passes`: {"tokens": [{"text", "draft"}], "pass": {"drafted": […], "copied": n, "accepted": n}}.
Json pass_json(const AnswerDelta& delta);
// [{"token", "logprob", "bytes", "top_logprobs": […]}], as OpenAI has them.
Json logprobs_json(const Job& job, const std::vector<AnswerToken>& tokens);
// {"total", "cache", "processed", "time_ms"}
Json progress_json(const Job& job, const Answer& answer);

std::string sse_event(const Json& data);
std::string sse_event(std::string_view name, const Json& data);
// "chatcmpl-" and 24 letters and digits that nobody can guess.
std::string random_id(std::string_view prefix);
int64_t unix_seconds();

}  // namespace paceline
