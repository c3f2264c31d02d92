#include "app/load_runs.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <mutex>

#include "base/error.h"

namespace paceline {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

// What the engine's thread rings when there is something to read.
class Bell {
 public:
  void ring() {
    {
      const std::lock_guard lock(mutex_);
      rung_ = true;
    }
    condition_.notify_one();
  }
  void wait_until(Clock::time_point time) {
    std::unique_lock lock(mutex_);
    condition_.wait_until(lock, time, [&] { return rung_; });
    rung_ = false;
  }

 private:
  std::mutex mutex_;
  std::condition_variable condition_;
  bool rung_ = false;
};

struct Answered {
  std::vector<Token> tokens;
  double first_token_s = 0, token_s = 0, longest_gap_s = 0;
};

struct LoadRun {
  std::vector<Answered> answers;  // by request
  double seconds = 0;
  EngineStats stats;
};

// One run of the workload in one mode.
class Clients {
 public:
  Clients(Session& session, const Workload& workload, const LoadMode& mode)
      : workload_(workload),
        mode_(mode),
        engine_(*session.device, *session.model,
                load_engine_options(session.options, mode.clients, workload.context(), workload.shares_prefixes)) {}

  LoadRun run(const std::function<void()>& on_answer) {
    LoadRun out;
    out.answers.resize(workload_.requests.size());
    start_ = Clock::now();
    while (done_ < workload_.requests.size()) {
      submit_due();
      for (size_t i = 0; i < active_.size();) {
        if (!read(active_[i], out.answers[active_[i].index])) {
          ++i;
          continue;
        }
        active_.erase(active_.begin() + static_cast<std::ptrdiff_t>(i));
        ++done_;
        on_answer();
      }
      if (done_ < workload_.requests.size() && !can_submit()) bell_.wait_until(next_arrival());
    }
    out.seconds = seconds_between(start_, Clock::now());
    out.stats = engine_.stats();
    return out;
  }

 private:
  struct Active {
    size_t index;
    RequestHandle handle;
    Clock::time_point arrival, first, last;
  };

  Clock::time_point arrival_of(size_t index) const {
    return start_ + std::chrono::duration_cast<Clock::duration>(
                        std::chrono::duration<double>(workload_.requests[index].arrival_seconds));
  }
  bool can_submit() const {
    if (next_ == workload_.requests.size()) return false;
    return workload_.waits ? active_.size() < static_cast<size_t>(mode_.clients) : Clock::now() >= arrival_of(next_);
  }
  Clock::time_point next_arrival() const {
    constexpr auto kLong = std::chrono::hours(1);
    return workload_.waits || next_ == workload_.requests.size() ? Clock::now() + kLong : arrival_of(next_);
  }

  void submit_due() {
    for (; can_submit(); ++next_) {
      const LoadRequest& wanted = workload_.requests[next_];
      Request request;
      request.prompt = wanted.prompt;
      request.sampling.temperature = 0;
      request.max_tokens = wanted.answer_tokens;
      request.drafts = mode_.drafts;
      request.reuse_prefix = workload_.shares_prefixes;
      if (workload_.shares_prefixes) {  // where the next prompt may part from this one: after any block, or at its end
        const int length = static_cast<int>(wanted.prompt.size());
        for (int at = kTraceBlock; at < length; at += kTraceBlock) request.stable_positions.push_back(at);
        request.stable_positions.push_back(length - 1);
      }
      request.on_ready = [this] { bell_.ring(); };
      const auto arrival = workload_.waits ? Clock::now() : arrival_of(next_);
      std::optional<RequestHandle> handle = engine_.submit(std::move(request));
      if (!handle) fail("the engine's queue is full, which must not happen here");
      active_.push_back({next_, std::move(*handle), arrival, arrival, arrival});
    }
  }

  // What has come; whether that was all.
  bool read(Active& active, Answered& answer) {
    while (const std::optional<Event> event = active.handle.try_next()) {
      const auto now = Clock::now();
      if (event->kind == Event::Kind::NewToken) {
        if (answer.tokens.empty()) active.first = now;
        else answer.longest_gap_s = std::max(answer.longest_gap_s, seconds_between(active.last, now));
        active.last = now;
        answer.tokens.push_back(event->token);
      }
      if (event->kind != Event::Kind::Finished) continue;
      if (event->reason == FinishReason::Error) fail("a request failed: ", event->message);
      answer.first_token_s = seconds_between(active.arrival, active.first);
      const auto steps = static_cast<double>(std::max<size_t>(answer.tokens.size(), 2) - 1);
      answer.token_s = seconds_between(active.first, active.last) / steps;
      return true;
    }
    return false;
  }

  const Workload& workload_;
  const LoadMode& mode_;
  Bell bell_;  // outlives the engine, whose thread rings it
  Engine engine_;
  Clock::time_point start_;
  std::vector<Active> active_;
  size_t next_ = 0, done_ = 0;
};

void check_same(const LoadRun& first, const LoadRun& other, const std::string& mode) {
  for (size_t i = 0; i < first.answers.size(); ++i)
    if (first.answers[i].tokens != other.answers[i].tokens)
      fail("the tokens of request ", i, " differ in the mode \"", mode, "\", which must never happen");
}

void note(const LoadRun& run, double first_mode_rate, LoadResult& result) {
  double tokens = 0;
  for (const Answered& answer : run.answers) {
    tokens += static_cast<double>(answer.tokens.size());
    result.first_token_s.values.push_back(answer.first_token_s);
    result.token_s.values.push_back(answer.token_s);
    result.longest_gap_s.values.push_back(answer.longest_gap_s);
  }
  const double rate = tokens / run.seconds;
  result.tokens_per_s.values.push_back(rate);
  result.speed_up.values.push_back(first_mode_rate > 0 ? rate / first_mode_rate : 1);
  const SequenceStats& stats = run.stats.speculation;
  const auto share = [](auto part, auto whole) {
    return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole) : 0.0;
  };
  result.tokens_per_pass = share(stats.generated, stats.passes);
  result.requests_per_step = share(stats.passes, run.stats.steps);
  result.cached_share = share(run.stats.cached_tokens, run.stats.prompt_tokens);
  result.acceptance.clear();
  for (size_t i = 0; i < stats.drafted.size() && stats.drafted[i] > 0; ++i)
    result.acceptance.push_back(share(stats.accepted[i], stats.drafted[i]));
}

}  // namespace

std::vector<LoadMode> load_modes(const Session& session, const Workload& workload, int clients) {
  std::vector<LoadMode> modes;
  const std::string all = cat(clients, clients == 1 ? " client, " : " clients, ");
  if (workload.waits && clients > 1) modes.push_back({"1 client, plain", 1, 0});
  modes.push_back({all + "plain", clients, 0});
  const GeneratorOptions& options = session.options;
  if (options.drafts == 0) return modes;
  modes.push_back({all + (options.adapt_depth ? "auto" : cat("n=", options.drafts)), clients,
                   options.adapt_depth ? kAutoDrafts : options.drafts});
  return modes;
}

EngineOptions load_engine_options(const GeneratorOptions& options, int clients, int context, bool reuses_prefixes) {
  EngineOptions out = engine_options(options);
  out.slots = clients;
  out.context = context;
  out.queue_limit = 1 << 20;
  if (!reuses_prefixes) out.prefix_cache_bytes = 0;
  return out;
}

LoadReport run_load(Session& session, const Workload& workload, const std::vector<LoadMode>& modes, int repetitions,
                    const std::function<void(double)>& progress) {
  LoadReport report{session.file->path(), session.device->description(), workload.description, 1, repetitions, {}};
  for (const LoadMode& mode : modes) {
    report.results.emplace_back();
    report.results.back().mode = mode;
    report.clients = std::max(report.clients, mode.clients);
  }
  const double total = static_cast<double>(modes.size() * workload.requests.size()) * repetitions;
  double answered = 0;
  std::optional<LoadRun> reference;
  for (int repetition = 0; repetition < repetitions; ++repetition) {
    for (LoadResult& result : report.results) {
      const LoadRun run = Clients(session, workload, result.mode).run([&] { progress(++answered / total); });
      if (!reference) reference = run;
      check_same(*reference, run, result.mode.name);
      const Samples& first = report.results[0].tokens_per_s;
      note(run, &result == &report.results[0] ? 0 : first.values.back(), result);
    }
  }
  return report;
}

double percentile(const Samples& samples, double share) {
  if (samples.values.empty()) return 0;
  std::vector<double> sorted = samples.values;
  std::sort(sorted.begin(), sorted.end());
  const double rank = std::ceil(share * static_cast<double>(sorted.size())) - 1;
  return sorted[static_cast<size_t>(std::clamp(rank, 0.0, static_cast<double>(sorted.size() - 1)))];
}

}  // namespace paceline
