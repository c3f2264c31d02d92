#pragma once
// One request with all its choices while it runs: hands what happens to the API's writer, ends the work when the client leaves, and stops
// reading from the engine while the client reads too slowly.
#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "serve/answer.h"
#include "serve/http/message.h"
#include "serve/service.h"

namespace paceline {

class Job;

// Turns answers into one API's bytes. Called on the worker's thread.
class AnswerWriter {
 public:
  virtual ~AnswerWriter() = default;
  virtual void on_start(Job&) {}
  virtual void on_progress(Job&, const Answer&) {}
  virtual void on_delta(Job&, const Answer&) {}
  virtual void on_answer_end(Job&, const Answer&) {}  // one choice; delta() may hold the last text
  virtual void on_end(Job&) = 0;  // all choices
  virtual void on_error(Job&, const std::string& message) = 0;  // instead of on_end
};

class Job : public std::enable_shared_from_this<Job> {
 public:
  // Submits all choices; throws ApiError 503 when the queue is full, 400 for what the engine cannot run.
  static void start(Service& service, const CompletionRequest& request, std::shared_ptr<http::Exchange> exchange,
                    std::unique_ptr<AnswerWriter> writer);

  http::Exchange& exchange() { return *exchange_; }
  const Service& service() const { return service_; }
  const CompletionRequest& request() const { return request_; }
  const std::vector<std::unique_ptr<Answer>>& answers() const { return answers_; }
  double seconds_since_start() const;
  // Of all choices.
  int prompt_tokens() const;
  int cached_tokens() const;
  int generated_tokens() const;

 private:
  Job(Service& service, CompletionRequest request, std::shared_ptr<http::Exchange> exchange,
      std::unique_ptr<AnswerWriter> writer);
  void submit();
  void submit(const std::vector<Token>& prompt, size_t number, int context);
  void pump();
  void pump_answer(Answer& answer);
  void finish();
  void cancel();

  Service& service_;
  CompletionRequest request_;
  std::shared_ptr<http::Exchange> exchange_;
  std::unique_ptr<AnswerWriter> writer_;
  std::vector<std::unique_ptr<Answer>> answers_;
  std::shared_ptr<Job> self_;  // until all is done: nobody else holds us
  // For callbacks on other threads: there may be something to do. Never holds a job, whose end is the worker's alone.
  struct Bell {
    Worker& worker;
    std::weak_ptr<Job> job;
    std::atomic<bool> rung = false;
    void ring();
  };
  std::shared_ptr<Bell> bell_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace paceline
