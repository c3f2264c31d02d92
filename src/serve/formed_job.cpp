#include "serve/formed_job.h"

#include "serve/answer_forms.h"

namespace paceline {

namespace {

// What waits for its form.
struct Waiting {
  Service& service;
  CompletionRequest request;
  std::shared_ptr<http::Exchange> exchange;
  std::unique_ptr<AnswerWriter> writer;
  ErrorBody error_body;

  void start(const std::shared_ptr<constrain::CompiledConstraint>& constraint, const std::string& error) {
    answer_errors(*exchange, error_body, [&] {
      if (!constraint) throw ApiError(400, error, error.substr(0, error.find_first_of(":[")));
      request.constraint = constraint;
      Job::start(service, request, exchange, std::move(writer));
    });
  }
};

}  // namespace

void start_job(Service& service, CompletionRequest request, const std::shared_ptr<http::Exchange>& exchange,
               std::unique_ptr<AnswerWriter> writer, ErrorBody error_body) {
  if (!request.form) return Job::start(service, request, exchange, std::move(writer));
  if (request.ignore_end) bad_field("ignore_eos", "an answer that must have a form ends where the form does");
  constrain::AnswerForm form = *std::exchange(request.form, std::nullopt);
  if ((request.constraint = service.forms.find(form))) return Job::start(service, request, exchange, std::move(writer));
  const auto waiting =
      std::shared_ptr<Waiting>(new Waiting{service, std::move(request), exchange, std::move(writer), error_body});
  const bool taken = service.forms.compile(
      std::move(form),
      [waiting](const std::shared_ptr<constrain::CompiledConstraint>& constraint, const std::string& error) {
        waiting->service.worker.post([waiting, constraint, error] { waiting->start(constraint, error); });
      });
  if (!taken) throw ApiError(503, "too many forms wait to be compiled; try again in a moment", "", 1);
}

}  // namespace paceline
