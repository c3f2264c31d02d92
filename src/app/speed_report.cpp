#include "app/speed_report.h"

namespace paceline {

namespace {

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}

}  // namespace

std::string percents(const std::vector<double>& shares) {
  std::string out;
  for (const double share : shares) out += cat(out.empty() ? "" : " ", fixed(share * 100, 0), " %");
  return out.empty() ? "–" : out;
}

Json json_list(const std::vector<double>& values) {
  Json out = Json::array();
  for (const double value : values) out.push_back(value);
  return out;
}

std::string speed_markdown(const SpeedReport& report) {
  std::string out = cat(
      report.model, ", ", report.machine,
      report.texts_compared ? "\n\nGreedy, every text the same in all modes; medians of " : "\n\nGreedy; medians of ",
      report.repetitions, report.repetitions == 1 ? " run" : " runs", " (lowest – highest).\n\n",
      "| use case | mode | tokens/s | lowest – highest | times as fast | ms per token | prompt "
      "tokens/s | tokens per pass | "
      "head's drafts accepted, by position | copied |\n|---|---|---|---|---|---|---|---|---|---|\n");
  bool paused = false;
  for (const SpeedResult& result : report.results) {
    const Samples& speed = result.tokens_per_s;
    out += cat("| ", result.task, " | ", result.mode, result.paused ? " *" : "", " | ", fixed(speed.median(), 1), " | ",
               fixed(speed.lowest(), 1), " – ", fixed(speed.highest(), 1), " | ", fixed(result.speed_up.median(), 2),
               " | ", fixed(result.milliseconds_per_token(), 1), " | ", fixed(result.prompt_tokens_per_s.median(), 0),
               " | ", fixed(result.tokens_per_pass, 2), " | ", percents(result.acceptance), " | ",
               result.lookup_share > 0 ? cat(fixed(result.lookup_share * 100, 0), " %") : std::string("–"), " |\n");
    paused |= result.paused;
  }
  const DraftCost& cost = report.draft_cost;
  if (cost.rows > 0)
    out += cat("\nA draft takes ", fixed(cost.draft_seconds * 1e3, 2), " ms, ",
               fixed(cost.draft_seconds / cost.pass_seconds * 100, 1), " % of the pass that verifies ", cost.rows - 1,
               " of them (", fixed(cost.pass_seconds * 1e3, 2), " ms).\n");
  if (paused) out += "\n\\* MTP paused: plain decoding is faster here.\n";
  return out;
}

Json speed_json(const SpeedReport& report) {
  Json out = Json::object(), rows = Json::array();
  out.set("model", report.model), out.set("machine", report.machine), out.set("repetitions", report.repetitions);
  for (const SpeedResult& result : report.results) {
    Json row = Json::object();
    row.set("use_case", result.task), row.set("mode", result.mode);
    row.set("prompt_tokens", result.prompt_tokens), row.set("tokens", result.tokens);
    row.set("tokens_per_s", json_list(result.tokens_per_s.values)), row.set("median", result.tokens_per_s.median());
    row.set("speed_up", json_list(result.speed_up.values)), row.set("speed_up_median", result.speed_up.median());
    row.set("prompt_tokens_per_s", json_list(result.prompt_tokens_per_s.values));
    row.set("ms_per_token", result.milliseconds_per_token()), row.set("tokens_per_pass", result.tokens_per_pass);
    row.set("acceptance", json_list(result.acceptance)), row.set("copied_share", result.lookup_share);
    row.set("paused", result.paused);
    rows.push_back(std::move(row));
  }
  out.set("results", std::move(rows));
  Json cost = Json::object();
  cost.set("rows", report.draft_cost.rows), cost.set("draft_s", report.draft_cost.draft_seconds);
  cost.set("pass_s", report.draft_cost.pass_seconds);
  out.set("draft_cost", std::move(cost));
  return out;
}

std::string speed_csv(const SpeedReport& report) {
  std::string out =
      "use_case,mode,prompt_tokens,tokens,tokens_per_s,tokens_per_s_lowest,tokens_per_s_highest,speed_up,ms_per_token,"
      "prompt_tokens_per_s,tokens_per_pass,copied_share,acceptance\n";
  for (const SpeedResult& result : report.results) {
    std::string acceptance;
    for (const double share : result.acceptance) acceptance += cat(acceptance.empty() ? "" : " ", fixed(share, 3));
    out += cat(quoted(result.task), ",", quoted(result.mode), ",", result.prompt_tokens, ",", result.tokens, ",",
               fixed(result.tokens_per_s.median(), 3), ",", fixed(result.tokens_per_s.lowest(), 3), ",",
               fixed(result.tokens_per_s.highest(), 3), ",", fixed(result.speed_up.median(), 3), ",",
               fixed(result.milliseconds_per_token(), 3), ",", fixed(result.prompt_tokens_per_s.median(), 2), ",",
               fixed(result.tokens_per_pass, 3), ",", fixed(result.lookup_share, 3), ",", quoted(acceptance), "\n");
  }
  return out;
}

}  // namespace paceline
