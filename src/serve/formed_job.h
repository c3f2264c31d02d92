#pragma once
// Starts a request's Job: at once, or when the form that its answers must have has been compiled, which other requests do not wait for.
#include "serve/job.h"
#include "serve/refusal.h"

namespace paceline {

// On the worker's thread. Throws ApiError as Job::start does; what goes wrong later is answered with `error_body`.
void start_job(Service& service, CompletionRequest request, const std::shared_ptr<http::Exchange>& exchange,
               std::unique_ptr<AnswerWriter> writer, ErrorBody error_body);

}  // namespace paceline
