#include "app/load_workload.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "app/bench_runs.h"
#include "app/console.h"
#include "app/speed_tasks.h"
#include "base/error.h"
#include "base/json.h"
#include "base/random.h"

namespace paceline {

namespace {

constexpr int kMostTokens = 1 << 20;

struct Line {
  std::string_view text;
  std::string place;  // "trace.csv, line 3"
};

TraceEntry mooncake_entry(const Line& line) {
  const Json json = Json::parse(line.text, line.place);
  const auto count = [&](const char* key) {
    const int64_t value = json.at(key).as_integer();
    if (value < 0 || value > kMostTokens) fail(line.place, ": ", key, " is ", value, ", expected 0 to ", kMostTokens);
    return static_cast<int>(value);
  };
  TraceEntry entry{json.at("timestamp").as_number() / 1e3, count("input_length"), count("output_length"), {}};
  if (const Json* blocks = json.find("hash_ids"))
    for (const Json& block : blocks->as_array()) entry.blocks.push_back(block.as_integer());
  return entry;
}

template <class Number>
Number parse_field(const Line& line, std::string_view field, const char* what) {
  Number value{};
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
  if (error != std::errc() || end != field.data() + field.size())
    fail(line.place, ": expected ", what, ", got \"", field, "\"");
  return value;
}

// "2023-11-16 18:17:03.9799600": seconds within the month, enough for a trace of hours.
double azure_seconds(const Line& line, std::string_view time) {
  if (time.size() < 19 || time[10] != ' ' || time[13] != ':' || time[16] != ':')
    fail(line.place, ": expected a time such as 2023-11-16 18:17:03.97, got \"", time, "\"");
  const auto part = [&](size_t at) { return parse_field<int>(line, time.substr(at, 2), "two digits of a time"); };
  return ((part(8) * 24 + part(11)) * 60 + part(14)) * 60.0 + parse_field<double>(line, time.substr(17), "seconds");
}

TraceEntry azure_entry(const Line& line) {
  const size_t first = line.text.find(','), second = line.text.find(',', first + 1);
  if (first == std::string_view::npos || second == std::string_view::npos)
    fail(line.place, ": expected TIMESTAMP,ContextTokens,GeneratedTokens, got \"", line.text, "\"");
  const auto count = [&](std::string_view field) {
    const int value = parse_field<int>(line, field, "a number of tokens");
    if (value < 0 || value > kMostTokens) fail(line.place, ": ", value, " tokens, expected 0 to ", kMostTokens);
    return value;
  };
  return {azure_seconds(line, line.text.substr(0, first)),
          count(line.text.substr(first + 1, second - first - 1)),
          count(line.text.substr(second + 1)),
          {}};
}

LoadRequest from_trace(const TraceEntry& entry, size_t index, int room, int vocabulary) {
  LoadRequest request;
  request.arrival_seconds = entry.seconds;
  request.answer_tokens = std::clamp(entry.answer_tokens, 1, room / 2);
  const int wanted = std::clamp(entry.prompt_tokens, 1, room - request.answer_tokens - 1);
  // Seeds of shared blocks and of single prompts are apart.
  for (const int64_t block : entry.blocks) {
    const std::vector<Token> tokens = made_up_prompt((static_cast<uint64_t>(block) << 1) | 1, kTraceBlock, vocabulary);
    request.prompt.insert(request.prompt.end(), tokens.begin(), tokens.end());
    if (static_cast<int>(request.prompt.size()) >= wanted) break;
  }
  if (entry.blocks.empty()) request.prompt = made_up_prompt(static_cast<uint64_t>(index) << 1, wanted, vocabulary);
  while (static_cast<int>(request.prompt.size()) < wanted) request.prompt.push_back(0);
  request.prompt.resize(static_cast<size_t>(wanted));
  return request;
}

// Gaps with the mean that --rate asks for; a trace keeps their proportions.
void scale_gaps(std::vector<LoadRequest>& requests, double rate) {
  const double last = requests.back().arrival_seconds;
  if (last <= 0 || requests.size() < 2) return;
  const double factor = static_cast<double>(requests.size() - 1) / rate / last;
  for (LoadRequest& request : requests) request.arrival_seconds *= factor;
}

Workload traced(const std::string& path, const Session& session, size_t count, std::optional<double> rate) {
  const std::vector<TraceEntry> entries = parse_trace(read_file(path), path, count);
  Workload workload;
  workload.waits = false;
  const ModelFacts& facts = session.model->facts();
  const int room = std::min(facts.context_length, kUsualContext);
  for (const TraceEntry& entry : entries) {
    workload.shares_prefixes |= !entry.blocks.empty();
    workload.requests.push_back(from_trace(entry, workload.requests.size(), room, facts.vocab_size));
    workload.requests.back().arrival_seconds -= entries[0].seconds;
  }
  std::stable_sort(workload.requests.begin(), workload.requests.end(),
                   [](const auto& a, const auto& b) { return a.arrival_seconds < b.arrival_seconds; });
  if (rate) scale_gaps(workload.requests, *rate);
  workload.description =
      cat("the first ", workload.requests.size(), " requests of ", path, ", at most ", room, " tokens each");
  return workload;
}

}  // namespace

int Workload::context() const {
  size_t most = 0;
  for (const LoadRequest& request : requests)
    most = std::max(most, request.prompt.size() + static_cast<size_t>(request.answer_tokens));
  return static_cast<int>(most) + 1;
}

std::vector<TraceEntry> parse_trace(const std::string& text, const std::string& name, size_t most) {
  std::vector<TraceEntry> entries;
  const bool is_json = text.starts_with('{');
  int number = 0;
  for (size_t at = 0; at < text.size() && entries.size() < most;) {
    const size_t end = std::min(text.find('\n', at), text.size());
    Line line{std::string_view(text).substr(at, end - at), cat(name, ", line ", ++number)};
    at = end + 1;
    if (line.text.ends_with('\r')) line.text.remove_suffix(1);
    if (line.text.empty() || (number == 1 && line.text.starts_with("TIMESTAMP"))) continue;
    entries.push_back(is_json ? mooncake_entry(line) : azure_entry(line));
    if (!std::isfinite(entries.back().seconds)) fail(line.place, ": the time is no number");
  }
  if (entries.empty()) fail(name, " holds no request, expected Mooncake's JSON lines or Azure's CSV");
  return entries;
}

Workload make_workload(const Arguments& arguments, const Session& session, int prompt_tokens) {
  const int clients = static_cast<int>(arguments.integer("clients").value_or(1));
  const int count = static_cast<int>(arguments.integer("requests").value_or(2 * clients));
  const std::optional<double> rate = arguments.number("rate");
  if (const auto trace = arguments.text("trace")) return traced(*trace, session, static_cast<size_t>(count), rate);
  const ModelFacts& facts = session.model->facts();
  const int answer = static_cast<int>(arguments.integer("answer_tokens").value_or(128));
  const std::vector<SpeedTask> tasks = question_tasks(*session.tokenizer);
  Workload workload;
  workload.waits = !rate;
  double at = 0;
  for (int i = 0; i < count; ++i) {
    const auto number = static_cast<size_t>(i);
    LoadRequest request{at, tasks[number % tasks.size()].prompts[0], answer};
    if (prompt_tokens > 0) request.prompt = made_up_prompt(number << 1, prompt_tokens, facts.vocab_size);
    workload.requests.push_back(std::move(request));
    // Exponential gaps: arrivals that know nothing of each other.
    if (rate) at -= std::log1p(-unit_interval(random_word(2, number))) / *rate;
  }
  if (workload.context() > facts.context_length)
    throw UsageError(cat("-p and --answer-tokens need ", workload.context(), " positions, the model was trained for ",
                         facts.context_length));
  workload.description = cat(count, " requests of ", answer, " answer tokens, ",
                             rate ? cat("arriving at random, ", fixed(*rate, 2), " a second on average")
                                  : std::string("each client sends its next when it has its answer"));
  return workload;
}

}  // namespace paceline
