#include "serve/metrics.h"

#include <unistd.h>

#include <fstream>

#include "base/strings.h"

namespace paceline {

namespace {

void put_help(std::string& out, const std::string& name, const char* kind, const std::string& help) {
  out += cat("# HELP ", name, " ", help, "\n# TYPE ", name, " ", kind, "\n");
}

template <class Value>
void put(std::string& out, const std::string& name, const char* kind, const std::string& help, Value value) {
  put_help(out, name, kind, help);
  out += cat(name, " ", value, "\n");
}

uint64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  uint64_t total = 0, resident = 0;
  file >> total >> resident;
  return resident * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
}

void put_speculation(std::string& out, const SequenceStats& stats, int depth) {
  put(out, "paceline_passes_total", "counter", "Verify passes of all requests", stats.passes);
  put_help(out, "paceline_drafts_total", "counter", "Tokens drafted, by position in their round");
  for (int i = 0; i < depth; ++i)
    out += cat("paceline_drafts_total{position=\"", i + 1, "\"} ", stats.drafted[static_cast<size_t>(i)], "\n");
  put_help(out, "paceline_drafts_accepted_total", "counter", "Drafts that were the model's own choice, by position");
  for (int i = 0; i < depth; ++i)
    out +=
        cat("paceline_drafts_accepted_total{position=\"", i + 1, "\"} ", stats.accepted[static_cast<size_t>(i)], "\n");
  put(out, "paceline_copied_drafts_total", "counter", "Tokens drafted by copying from the text", stats.lookup_drafted);
  put(out, "paceline_copied_drafts_accepted_total", "counter", "Copied drafts that were the model's own choice",
      stats.lookup_accepted);
}

// How many requests a pass through the weights served.
void put_batch_sizes(std::string& out, const EngineStats& stats) {
  const std::string name = "paceline_batch_size";
  put_help(out, name, "histogram", "Requests in a pass through the model");
  const auto& steps = stats.steps_by_requests;
  uint64_t count = 0, sum = 0;
  for (size_t size = 0; size < steps.size(); ++size) {
    count += steps[size], sum += size * steps[size];
    const bool is_power_of_two = size > 0 && (size & (size - 1)) == 0;
    if (is_power_of_two) out += cat(name, "_bucket{le=\"", size, "\"} ", count, "\n");
  }
  out += cat(name, "_bucket{le=\"+Inf\"} ", count, "\n", name, "_sum ", sum, "\n", name, "_count ", count, "\n");
}

void put_engine(std::string& out, const EngineStats& stats) {
  put(out, "paceline_slots", "gauge", "Requests that can run at once", stats.slots);
  put(out, "paceline_requests_running", "gauge", "Requests in a slot", stats.running);
  put(out, "paceline_requests_waiting", "gauge", "Requests in the queue", stats.waiting);
  put(out, "paceline_requests_refused_total", "counter", "Requests the queue had no room for", stats.refused);
  put(out, "paceline_requests_cancelled_total", "counter", "Requests ended by their client", stats.cancelled);
  put(out, "paceline_prompt_tokens_total", "counter", "Prompt tokens, cached ones included", stats.prompt_tokens);
  put(out, "paceline_prompt_tokens_cached_total", "counter", "Prompt tokens found in the prefix cache",
      stats.cached_tokens);
  put(out, "paceline_generated_tokens_total", "counter", "Tokens handed out", stats.generated_tokens);
  put(out, "paceline_steps_total", "counter", "Passes through the model", stats.steps);
  put_batch_sizes(out, stats);
  put(out, "paceline_busy_seconds_total", "counter", "Seconds spent in them", stats.busy_seconds);
  put(out, "paceline_slot_bytes", "gauge", "Memory of one slot when it is full", stats.slot_bytes);
  put(out, "paceline_cache_bytes", "gauge", "Memory of the prefix cache", stats.cache_bytes);
  put(out, "paceline_cache_limit_bytes", "gauge", "What it may have at most", stats.cache_limit_bytes);
  put(out, "paceline_cache_hits_total", "counter", "Prompts that found a prefix", stats.cache_hits);
  put(out, "paceline_cache_misses_total", "counter", "Prompts that found none", stats.cache_misses);
  put_speculation(out, stats.speculation, stats.max_drafts);
  put(out, "llamacpp:prompt_tokens_total", "counter", "Number of prompt tokens processed.",
      stats.prompt_tokens - stats.cached_tokens);
  put(out, "llamacpp:tokens_predicted_total", "counter", "Number of generation tokens processed.",
      stats.generated_tokens);
  put(out, "llamacpp:requests_processing", "gauge", "Number of requests processing.", stats.running);
  put(out, "llamacpp:requests_deferred", "gauge", "Number of requests deferred.", stats.waiting);
  put(out, "llamacpp:n_decode_total", "counter", "Total number of decode calls.", stats.steps);
}

}  // namespace

void Metrics::Histogram::add(double value) {
  size_t bucket = 0;
  while (bucket < kBounds.size() && value > kBounds[bucket]) ++bucket;
  ++counts[bucket];
  sum += value;
}

void Metrics::Histogram::write(std::string& out, const std::string& name, const std::string& help) const {
  put_help(out, name, "histogram", help);
  uint64_t total = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    total += counts[i];
    out += cat(name, "_bucket{le=\"", i < kBounds.size() ? cat(kBounds[i]) : "+Inf", "\"} ", total, "\n");
  }
  out += cat(name, "_sum ", sum, "\n", name, "_count ", total, "\n");
}

void Metrics::count_request(const std::string& route, int status) {
  const std::lock_guard lock(mutex_);
  ++requests_[{route, status}];
}

void Metrics::count_answer(const RequestStats& stats) {
  const std::lock_guard lock(mutex_);
  prompt_seconds_ += stats.prompt_seconds, generation_seconds_ += stats.generation_seconds;
  if (stats.generated_tokens > 0) first_token_.add(stats.queue_seconds + stats.prompt_seconds);
  if (stats.generated_tokens > 1) per_token_.add(stats.generation_seconds / (stats.generated_tokens - 1));
}

std::string Metrics::page(const EngineStats& engine, const StreamStore& streams, int connections) const {
  std::string out;
  const std::lock_guard lock(mutex_);
  put_help(out, "paceline_http_requests_total", "counter", "Answered requests by route and status");
  for (const auto& [key, count] : requests_)
    out += cat("paceline_http_requests_total{route=\"", key.first, "\",status=\"", key.second, "\"} ", count, "\n");
  put(out, "paceline_connections", "gauge", "Open connections", connections);
  put(out, "paceline_streams", "gauge", "Resumable streams that are kept", streams.size());
  put(out, "paceline_stream_bytes", "gauge", "Memory of their events", streams.bytes());
  put(out, "process_resident_memory_bytes", "gauge", "Resident memory", resident_bytes());
  put_engine(out, engine);
  put(out, "llamacpp:prompt_seconds_total", "counter", "Prompt process time", prompt_seconds_);
  put(out, "llamacpp:tokens_predicted_seconds_total", "counter", "Predict process time", generation_seconds_);
  first_token_.write(out, "paceline_first_token_seconds", "From arrival to the first token");
  per_token_.write(out, "paceline_token_seconds", "Per token after the first, mean of an answer");
  return out;
}

}  // namespace paceline
