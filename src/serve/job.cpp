#include "serve/job.h"

#include "base/random.h"
#include "serve/answer_forms.h"
#include "serve/api_error.h"

namespace paceline {

Job::Job(Service& service, CompletionRequest request, std::shared_ptr<http::Exchange> exchange,
         std::unique_ptr<AnswerWriter> writer)
    : service_(service), request_(std::move(request)), exchange_(std::move(exchange)), writer_(std::move(writer)) {}

void Job::start(Service& service, const CompletionRequest& request, std::shared_ptr<http::Exchange> exchange,
                std::unique_ptr<AnswerWriter> writer) {
  const std::shared_ptr<Job> job(new Job(service, request, std::move(exchange), std::move(writer)));
  job->bell_ = std::shared_ptr<Bell>(new Bell{service.worker, job});
  job->submit();
  if (request.resumable) job->exchange_ = service.streams.open(service.worker, std::move(job->exchange_));
  job->self_ = job;
  job->exchange_->watch(
      [bell = job->bell_] {
        bell->worker.post([bell] {
          if (const auto here = bell->job.lock()) here->cancel();
        });
      },
      [bell = job->bell_] { bell->ring(); });
  job->writer_->on_start(*job);
  job->bell_->ring();
}

void Job::submit() {
  const EngineStats stats = service_.engine.stats();
  const size_t wanted = (1 + request_.more_prompts.size()) * static_cast<size_t>(request_.choices),
               most = static_cast<size_t>(stats.slots + stats.queue_limit);
  if (wanted > most) throw ApiError(400, cat("asks for ", wanted, " answers at once, expected at most ", most));
  submit(request_.prompt, 0, stats.context);
  for (size_t i = 0; i < request_.more_prompts.size(); ++i) submit(request_.more_prompts[i], i + 1, stats.context);
}

void Job::submit(const std::vector<Token>& prompt, size_t number, int context) {
  if (prompt.size() >= static_cast<size_t>(context))
    throw ApiError::too_long({static_cast<int>(prompt.size()), context});
  // Prompts that come alone have seeds of their own where none is given.
  const uint64_t seed = request_.seed_is_drawn && number > 0 ? random_word(request_.sampling.seed, 0, number) >> 11
                                                             : request_.sampling.seed;
  for (int i = 0; i < request_.choices; ++i) {
    Request request;
    request.prompt = prompt;
    if (number == 0) request.stable_positions = request_.stable_positions;
    request.sampling = request_.sampling;
    request.sampling.seed = i > 0 ? random_word(seed, static_cast<uint64_t>(i)) >> 11 : seed;
    request.max_tokens = request_.max_tokens;
    if (!request_.ignore_end) {
      const auto ends = service_.tokenizer.end_tokens();
      request.stop_tokens.assign(ends.begin(), ends.end());
    }
    request.drafts = request_.drafts;
    request.top_logprobs = request_.top_logprobs;
    request.reuse_prefix = request_.cache_prompt;
    if (request_.constraint) request.constraint = make_token_constraint(request_.constraint);
    request.on_ready = [bell = bell_] { bell->ring(); };
    std::optional<RequestHandle> handle;
    try {
      handle = service_.engine.submit(std::move(request));
    } catch (const Error& error) {
      throw ApiError(400, error.what());
    }
    if (!handle) throw ApiError(503, "all slots are busy and the queue is full; try again in a moment", "", 1);
    const int index = static_cast<int>(answers_.size());
    answers_.push_back(std::make_unique<Answer>(index, service_.tokenizer, request_, *std::move(handle)));
  }
}

void Job::Bell::ring() {
  if (rung.exchange(true)) return;
  worker.post([weak = job] {
    if (const auto here = weak.lock()) here->pump();
  });
}

void Job::pump() {
  bell_->rung = false;
  if (!self_) return;
  for (const auto& answer : answers_) pump_answer(*answer);
  for (const auto& answer : answers_)
    if (!answer->ended()) return;
  finish();
}

void Job::pump_answer(Answer& answer) {
  while (!answer.ended() && exchange_->waiting_bytes() <= http::Exchange::kHighWater) {
    switch (answer.advance()) {
      case Answer::Step::Nothing: return;
      case Answer::Step::Progress: writer_->on_progress(*this, answer); break;
      case Answer::Step::Delta: writer_->on_delta(*this, answer); break;
      case Answer::Step::Ended: writer_->on_answer_end(*this, answer); break;
    }
  }
}

void Job::finish() {
  const auto keep = std::exchange(self_, nullptr);
  for (const auto& answer : answers_) {
    service_.metrics.count_answer(answer->stats());
    if (answer->end() == AnswerEnd::Error) return writer_->on_error(*this, answer->error());
  }
  for (const auto& answer : answers_)
    if (answer->end() == AnswerEnd::Cancelled) return writer_->on_error(*this, "the server is shutting down");
  writer_->on_end(*this);
}

// The client has left: nobody reads what is still to come. A resumable answer may be read later, and says how it ended.
void Job::cancel() {
  const auto keep = std::exchange(self_, nullptr);
  if (!keep) return;
  for (const auto& answer : answers_) answer->cancel();
  if (request_.resumable) writer_->on_error(*this, "stopped: it was deleted, or nobody read it for too long");
}

double Job::seconds_since_start() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
}

int Job::prompt_tokens() const {
  size_t total = request_.prompt.size();
  for (const auto& prompt : request_.more_prompts) total += prompt.size();
  return static_cast<int>(total);
}

int Job::cached_tokens() const {
  int total = 0;
  for (size_t i = 0; i < answers_.size(); i += static_cast<size_t>(request_.choices))
    total += answers_[i]->stats().cached_tokens;
  return total;
}

int Job::generated_tokens() const {
  int total = 0;
  for (const auto& answer : answers_) total += static_cast<int>(answer->tokens().size());
  return total;
}

}  // namespace paceline
