// paceline bench: what drafts gain on everyday tasks; with many clients at once; or, when sizes are given, tokens per second of prompts and
// generation beside what the machine can do. As a Markdown table, JSON, CSV or a chart.
#include <algorithm>
#include <charconv>
#include <fstream>

#include "app/bench_kernels.h"
#include "app/bench_runs.h"
#include "app/commands.h"
#include "app/console.h"
#include "app/load_runs.h"
#include "app/server_runs.h"
#include "app/speed_report.h"
#include "base/error.h"
#include "base/json.h"

namespace paceline {

namespace {

std::optional<int> parse_count(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::vector<int> sizes(const Arguments& arguments, std::string_view id, int usual) {
  return arguments.has(id) ? arguments.integers(id) : std::vector{usual};
}

// "1..16" or "4"; (0, -1) when not asked for.
std::pair<int, int> parse_rows(const Arguments& arguments) {
  const auto text = arguments.text("rows");
  if (!text) return {0, -1};
  const size_t dots = text->find("..");
  const auto first = parse_count(text->substr(0, dots));
  const auto last = dots == std::string::npos ? first : parse_count(text->substr(dots + 2));
  if (!first || !last || *first < 1 || *first > *last || *last > Bench::kMaxRows)
    throw UsageError(cat("--rows: expected A..B within 1..", Bench::kMaxRows, ", got \"", *text, "\""));
  return {*first, *last};
}

struct BenchReport {
  std::vector<BenchResult> results;
  std::vector<RowsResult> rows;
  double bandwidth_gb_s = 0, int8_gop_s = 0;
};

BenchReport run_all(const Arguments& arguments, Session& session) {
  const std::vector<int> prompts = sizes(arguments, "prompt_sizes", 512);
  const std::vector<int> depths = sizes(arguments, "depths", 0);
  const int generated = static_cast<int>(arguments.integer("generate_count").value_or(64));
  const auto [first_rows, last_rows] = parse_rows(arguments);
  Bench bench(session, static_cast<int>(arguments.integer("repetitions").value_or(3)));
  BenchReport report;
  for (const int depth : depths) {
    for (const int prompt : prompts)
      if (prompt > 0) report.results.push_back(bench.prompt(prompt, depth));
    if (generated == 0) continue;
    report.results.push_back(bench.generate(generated, depth, false));
    if (session.options.drafts > 0) report.results.push_back(bench.generate(generated, depth, true));
  }
  if (first_rows > 0) report.rows = bench.rows(first_rows, last_rows);
  report.bandwidth_gb_s = bench.bandwidth_gb_s();
  report.int8_gop_s = bench.int8_gop_s();
  return report;
}

std::string percent(double share) { return cat(fixed(share * 100, 0), " %"); }

std::string share_or_dash(const Samples& share) { return share.values.empty() ? "–" : percent(share.median()); }

// "; read bandwidth 31.0 GB/s", nothing where it was not measured.
std::string bandwidth_text(const Session& session, const BenchReport& report) {
  if (report.bandwidth_gb_s <= 0) return "";
  return cat(session.device->memory_is_host() ? "; read" : "; copy", " bandwidth ", fixed(report.bandwidth_gb_s, 1),
             " GB/s");
}

std::string markdown(const Session& session, const BenchReport& report) {
  const StepCost cost = step_cost(*session.file);
  std::string out = cat(session.file->path(), ", ", session.device->description(), "\n\nweights read by a pass ",
                        human_bytes(cost.trunk_bytes), ", by the draft block ", human_bytes(cost.draft_block_bytes));
  out += bandwidth_text(session, report);
  if (report.int8_gop_s > 0) out += cat("; int8 peak ", fixed(report.int8_gop_s, 0), " Gop/s");
  out +=
      "\n\n| test | depth | tokens/s | lowest – highest | GB/s | of bandwidth | of int8 peak | tokens per pass | "
      "accepted by position |\n"
      "|---|---|---|---|---|---|---|---|---|\n";
  for (const BenchResult& result : report.results) {
    std::string accepted;
    for (const double share : result.acceptance) accepted += cat(accepted.empty() ? "" : " ", percent(share));
    const Samples& speed = result.tokens_per_second;
    out += cat("| ", result.test, " | ", result.depth, " | ", fixed(speed.median(), 2), " | ", fixed(speed.lowest(), 2),
               " – ", fixed(speed.highest(), 2), " | ",
               result.gb_per_second.values.empty() ? "–" : fixed(result.gb_per_second.median(), 1), " | ",
               share_or_dash(result.bandwidth_share), " | ", share_or_dash(result.peak_share), " | ",
               result.tokens_per_pass > 0 ? fixed(result.tokens_per_pass, 2) : "–", " | ",
               accepted.empty() ? "–" : accepted, " |\n");
  }
  if (report.rows.empty()) return out;
  out += "\n| rows | ms | lowest – highest | time / first | GB/s | logits |\n|---|---|---|---|---|---|\n";
  for (const RowsResult& row : report.rows) {
    char hash[17];
    std::snprintf(hash, sizeof hash, "%016llx", static_cast<unsigned long long>(row.logits_hash));
    out += cat("| ", row.rows, " | ", fixed(row.milliseconds.median(), 2), " | ", fixed(row.milliseconds.lowest(), 2),
               " – ", fixed(row.milliseconds.highest(), 2), " | ",
               fixed(row.milliseconds.median() / report.rows[0].milliseconds.median(), 2), " | ",
               fixed(row.gb_per_second.median(), 1), " | ", hash, " |\n");
  }
  return out;
}

Json json_report(const Session& session, const BenchReport& report) {
  const StepCost cost = step_cost(*session.file);
  Json tests = Json::array(), rows = Json::array(), out = Json::object();
  for (const BenchResult& result : report.results) {
    Json row = Json::object();
    row.set("test", result.test), row.set("depth", result.depth);
    row.set("tokens_per_s", json_list(result.tokens_per_second.values)),
        row.set("median", result.tokens_per_second.median());
    row.set("gb_per_s", json_list(result.gb_per_second.values)),
        row.set("bandwidth_share", json_list(result.bandwidth_share.values));
    row.set("peak_share", json_list(result.peak_share.values)), row.set("tokens_per_pass", result.tokens_per_pass);
    row.set("acceptance", json_list(result.acceptance));
    tests.push_back(std::move(row));
  }
  for (const RowsResult& result : report.rows) {
    Json row = Json::object();
    row.set("rows", result.rows), row.set("ms", json_list(result.milliseconds.values)),
        row.set("logits_hash", result.logits_hash);
    rows.push_back(std::move(row));
  }
  out.set("model", session.file->path()), out.set("device", session.device->description());
  out.set("trunk_bytes", cost.trunk_bytes), out.set("draft_block_bytes", cost.draft_block_bytes);
  out.set(session.device->memory_is_host() ? "read_gb_per_s" : "copy_gb_per_s", report.bandwidth_gb_s);
  out.set("int8_gop_per_s", report.int8_gop_s);
  out.set("tests", std::move(tests)), out.set("rows", std::move(rows));
  return out;
}

int bench_kernels(const Arguments& arguments, Session& session) {
  const auto results = measure_kernels(session, static_cast<int>(arguments.integer("repetitions").value_or(5)));
  if (arguments.has("json")) {
    write_output(kernels_as_json(results).dump() + "\n");
    return 0;
  }
  write_output(cat(session.file->path(), ", ", session.device->description(), "\n\n", kernels_as_markdown(results)));
  return 0;
}

bool asks_for_sizes(const Arguments& arguments) {
  return arguments.has("prompt_sizes") || arguments.has("generate_count") || arguments.has("depths") ||
         arguments.has("rows");
}

// Before minutes of measuring.
void check_outputs(const Arguments& arguments) {
  if (arguments.has("json") && arguments.has("csv"))
    throw UsageError("--json and --csv both say what to print, expected one of them");
  const auto chart = arguments.text("svg");
  if (chart && !std::ofstream(*chart, std::ios::app)) fail("cannot write ", *chart);
}

int run_clients(const Arguments& arguments) {
  for (const char* const id : {"generate_count", "depths", "rows", "kernels", "suite", "questions", "server"})
    if (arguments.has(id))
      throw UsageError("--clients stands alone, without -n, -d, --rows, --kernels, --suite and --server");
  check_outputs(arguments);
  const std::vector<int> prompts = sizes(arguments, "prompt_sizes", 0);
  if (prompts.size() != 1) throw UsageError("-p: with --clients expected one prompt length");
  if (arguments.has("trace") && (arguments.has("prompt_sizes") || arguments.has("answer_tokens")))
    throw UsageError("--trace has the lengths, expected neither -p nor --answer-tokens");
  return bench_clients(arguments, prompts[0]);
}

SpeedOptions speed_options(const Arguments& arguments) {
  SpeedOptions options;
  options.repetitions = static_cast<int>(arguments.integer("repetitions").value_or(options.repetitions));
  options.tokens = static_cast<int>(arguments.integer("answer_tokens").value_or(options.tokens));
  options.suite = arguments.text("suite").value_or("");
  options.questions = static_cast<int>(arguments.integer("questions").value_or(options.questions));
  return options;
}

SpeedReport measure_servers(const Arguments& arguments, const std::function<void(double)>& progress) {
#ifdef PACELINE_CORE_ONLY
  (void)arguments, (void)progress;
  fail("this build has no HTTP (PACELINE_CORE_ONLY), so there is no --server");
#else
  for (const char* const id : {"mtp", "lookup", "spec_type", "spec_max"})
    if (arguments.has(id)) throw UsageError("--server: a server drafts as it was started, expected no flag of drafts");
  return run_servers(arguments, speed_options(arguments), progress);
#endif
}

int run_tasks(const Arguments& arguments) {
  if (arguments.has("questions") && !arguments.has("suite")) throw UsageError("--questions needs --suite");
  check_outputs(arguments);
  SpeedReport report;
  if (arguments.has("server")) {
    ProgressLine progress("measuring");
    report = measure_servers(arguments, [&](double share) { progress.show(share); });
  } else {
    if (arguments.has("api_key")) throw UsageError("--api-key needs --server");
    Session session = open_session(arguments);
    ProgressLine progress("measuring");
    report = run_speed(session, speed_modes(arguments, session), speed_options(arguments),
                       [&](double share) { progress.show(share); });
  }
  if (const auto chart = arguments.text("svg")) write_file(*chart, speed_chart(report));
  write_output(arguments.has("json")  ? speed_json(report).dump() + "\n"
               : arguments.has("csv") ? speed_csv(report)
                                      : speed_markdown(report));
  return 0;
}

}  // namespace

int run_bench(const Arguments& arguments) {
  if (arguments.has("clients")) return run_clients(arguments);
  for (const char* const id : {"requests", "rate", "trace"})
    if (arguments.has(id)) throw UsageError("--requests, --rate and --trace need --clients N");
  if (!asks_for_sizes(arguments) && !arguments.has("kernels")) return run_tasks(arguments);
  for (const char* const id : {"csv", "answer_tokens", "suite", "questions", "server"})
    if (arguments.has(id))
      throw UsageError(
          "--csv and --answer-tokens belong to the everyday tasks and --clients, without -p, -n, -d, --rows and "
          "--kernels");
  if (arguments.has("svg") && !arguments.has("rows"))
    throw UsageError(
        "--svg belongs to the everyday tasks, --clients and --rows, not to -p, -n, -d and --kernels alone");
  check_outputs(arguments);
  Session session = open_session(arguments);
  if (arguments.has("kernels")) return bench_kernels(arguments, session);
  const BenchReport report = run_all(arguments, session);
  if (const auto chart = arguments.text("svg"))
    write_file(*chart, rows_chart(session.file->path(), session.device->description() + bandwidth_text(session, report),
                                  report.rows));
  write_output(arguments.has("json") ? json_report(session, report).dump() + "\n" : markdown(session, report));
  return 0;
}

}  // namespace paceline
