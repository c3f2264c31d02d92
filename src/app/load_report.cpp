// What `paceline bench --clients` prints and draws.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>

#include "app/console.h"
#include "app/load_runs.h"
#include "app/speed_report.h"
#include "app/svg_chart.h"
#include "base/error.h"

namespace paceline {

namespace {

using namespace svg;

std::string milliseconds(double seconds) { return fixed(seconds * 1e3, seconds < 0.1 ? 1 : 0); }

struct Panel {
  const char* title;
  std::function<std::vector<double>(const LoadResult&)> values;  // one bar each
  int digits;
};

constexpr double kPanelHeight = 170, kPanelGap = 78, kTop = 84;

std::string draw(const LoadReport& report, const Panel& panel, double top) {
  double most = 1e-9;
  for (const LoadResult& result : report.results)
    for (const double value : panel.values(result)) most = std::max(most, value);
  const double step = grid_step(most), reach = step * std::ceil(most * 1.08 / step), bottom = top + kPanelHeight;
  const auto y = [&](double value) { return bottom - value / reach * kPanelHeight; };
  std::string out = text_at(kLeft, top - 14, "panel", panel.title);
  for (double at = 0; at <= reach + step / 2; at += step)
    out += line_at(y(at), "grid") + text_at(kLeft - 8, y(at) + 4, "quiet end", fixed(at, step < 1 ? 1 : 0));
  const double group = (kWidth - kLeft - kRight) / static_cast<double>(report.results.size());
  for (size_t i = 0; i < report.results.size(); ++i) {
    const LoadResult& result = report.results[i];
    const std::vector<double> values = panel.values(result);
    const double middle = kLeft + group * (static_cast<double>(i) + 0.5), width = 56;
    for (size_t bar = 0; bar < values.size(); ++bar) {
      const double x = middle + width * (static_cast<double>(bar) - static_cast<double>(values.size()) / 2);
      const std::string colour = result.mode.drafts == 0 ? (result.mode.clients == 1 ? "m0" : "m2") : "m4";
      out += bar_at(x, y(values[bar]), width, bottom, colour);
      out += text_at(x + width / 2, y(values[bar]) - 4, "value", fixed(values[bar], panel.digits));
    }
    out += text_at(middle, bottom + 19, "middle", result.mode.name);
  }
  return out;
}

}  // namespace

std::string load_markdown(const LoadReport& report) {
  std::string out =
      cat(report.model, ", ", report.machine, "\n\n", report.workload, "; greedy, every answer the same in all modes; ",
          report.repetitions, report.repetitions == 1 ? " run.\n\n" : " runs.\n\n",
          "| mode | tokens/s | lowest – highest | times the first | ms to first token, p50 – p95 | ms per token, "
          "p50 – p95 | longest gap ms | requests per step | tokens per pass | drafts accepted, by position | prompt "
          "from cache |\n|---|---|---|---|---|---|---|---|---|---|---|\n");
  for (const LoadResult& result : report.results) {
    const auto range = [](const Samples& samples) {
      return cat(milliseconds(percentile(samples, 0.5)), " – ", milliseconds(percentile(samples, 0.95)));
    };
    const Samples& speed = result.tokens_per_s;
    out += cat("| ", result.mode.name, " | ", fixed(speed.median(), 1), " | ", fixed(speed.lowest(), 1), " – ",
               fixed(speed.highest(), 1), " | ", fixed(result.speed_up.median(), 2), " | ", range(result.first_token_s),
               " | ", range(result.token_s), " | ", milliseconds(result.longest_gap_s.highest()), " | ",
               fixed(result.requests_per_step, 2), " | ", fixed(result.tokens_per_pass, 2), " | ",
               percents(result.acceptance), " | ", fixed(result.cached_share * 100, 0), " % |\n");
  }
  return out;
}

Json load_json(const LoadReport& report) {
  Json out = Json::object(), rows = Json::array();
  out.set("model", report.model), out.set("machine", report.machine), out.set("workload", report.workload);
  out.set("clients", report.clients), out.set("repetitions", report.repetitions);
  for (const LoadResult& result : report.results) {
    Json row = Json::object();
    row.set("mode", result.mode.name), row.set("clients", result.mode.clients);
    row.set("tokens_per_s", json_list(result.tokens_per_s.values)),
        row.set("speed_up", json_list(result.speed_up.values));
    row.set("first_token_s", json_list(result.first_token_s.values)),
        row.set("token_s", json_list(result.token_s.values));
    row.set("longest_gap_s", json_list(result.longest_gap_s.values)),
        row.set("tokens_per_pass", result.tokens_per_pass);
    row.set("requests_per_step", result.requests_per_step), row.set("cached_share", result.cached_share);
    row.set("acceptance", json_list(result.acceptance));
    rows.push_back(std::move(row));
  }
  out.set("results", std::move(rows));
  return out;
}

std::string load_csv(const LoadReport& report) {
  std::string out =
      "mode,clients,tokens_per_s,speed_up,first_token_ms_p50,first_token_ms_p95,token_ms_p50,token_ms_p95,longest_gap_"
      "ms,"
      "requests_per_step,tokens_per_pass,cached_share\n";
  for (const LoadResult& result : report.results) {
    out += cat("\"", result.mode.name, "\",", result.mode.clients, ",", fixed(result.tokens_per_s.median(), 3), ",",
               fixed(result.speed_up.median(), 3));
    for (const Samples* samples : {&result.first_token_s, &result.token_s})
      for (const double share : {0.5, 0.95}) out += cat(",", fixed(percentile(*samples, share) * 1e3, 3));
    out += cat(",", fixed(result.longest_gap_s.highest() * 1e3, 3), ",", fixed(result.requests_per_step, 3), ",",
               fixed(result.tokens_per_pass, 3), ",", fixed(result.cached_share, 3), "\n");
  }
  return out;
}

std::string load_chart(const LoadReport& report) {
  const auto halves = [](const Samples& samples) {
    return std::vector<double>{percentile(samples, 0.5) * 1e3, percentile(samples, 0.95) * 1e3};
  };
  const Panel panels[] = {
      {"tokens per second, all clients together",
       [](const LoadResult& result) { return std::vector<double>{result.tokens_per_s.median()}; }, 1},
      {"milliseconds to the first token: half of the requests, 95 % of them",
       [&](const LoadResult& result) { return halves(result.first_token_s); }, 0},
      {"milliseconds per token: half of the requests, 95 % of them",
       [&](const LoadResult& result) { return halves(result.token_s); }, 1},
  };
  std::string body;
  double top = kTop;
  for (const Panel& panel : panels) body += draw(report, panel, top), top += kPanelHeight + kPanelGap;
  const double height = top - 10;
  body += text_at(kLeft, height - 12, "quiet",
                  cat(report.machine, "; ", report.workload, "; paceline bench --clients ", report.clients));
  const std::string name = std::filesystem::path(report.model).filename();
  return page(height, cat("Speed of ", name, " with ", report.clients, " clients"),
              cat(report.clients, report.clients == 1 ? " client: " : " clients at once: ", name), body);
}

int bench_clients(const Arguments& arguments, int prompt_tokens) {
  const int clients = static_cast<int>(arguments.integer("clients").value_or(1));
  Session session = open_session(arguments, [&](const GeneratorOptions& options) {
    return Engine::pass_options(load_engine_options(options, clients, 0, false));
  });
  const Workload workload = make_workload(arguments, session, prompt_tokens);
  LoadReport report;
  {
    ProgressLine progress("measuring");
    report = run_load(session, workload, load_modes(session, workload, clients),
                      static_cast<int>(arguments.integer("repetitions").value_or(3)),
                      [&](double share) { progress.show(share); });
  }
  if (const auto chart = arguments.text("svg")) write_file(*chart, load_chart(report));
  write_output(arguments.has("json")  ? load_json(report).dump() + "\n"
               : arguments.has("csv") ? load_csv(report)
                                      : load_markdown(report));
  return 0;
}

}  // namespace paceline
