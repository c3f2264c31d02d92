#pragma once
// Sampling settings of a request, in the names OpenAI and llama.cpp's server share; what is not said is the server's default.
#include <span>

#include "serve/answer.h"
#include "serve/fields.h"
#include "serve/service.h"

namespace paceline {

// temperature, top_k, top_p, min_p, penalties, seed, logit_bias, stop, ignore_eos, speculation, cache_prompt.
void read_sampling(const Fields& fields, const Service& service, CompletionRequest& request);
// `"speculation": "off" | "auto" | N`
int read_speculation(const Fields& fields, int otherwise);
// Fields that would change the answer and that we cannot do; ApiError 400 names the first one given, and says why.
void refuse_unsupported(const Fields& fields, std::span<const std::string_view> names,
                        std::string_view why = "not supported by this server");
// `"resumable": true`, which needs a stream.
bool read_resumable(const Fields& fields, bool stream_by_default = false);
uint64_t request_seed(const Service& service, std::optional<int64_t> given);

}  // namespace paceline
