// The chart of a speed report: SVG written by hand, in about the size of a page's column. Colours come from classes, so that a reader who
// prefers dark gets dark.
#include <algorithm>
#include <array>
#include <cmath>
#include <functional>

#include "app/speed_report.h"

namespace paceline {

namespace {

constexpr double kWidth = 960, kLeft = 56, kRight = 16, kPanelHeight = 210, kFirstTop = 112, kGap = 74;

constexpr const char* kStyle =
    "<style>\n"
    "text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif;font-size:13px;fill:#333}\n"
    ".page{fill:#fff}.title{font-size:18px;font-weight:600;fill:#111}.panel{font-size:14px;font-weight:600}\n"
    ".quiet{fill:#666;font-size:12px}.value{font-size:11px;text-anchor:middle}.middle{text-anchor:middle}\n"
    ".end{text-anchor:end}.grid{stroke:#e2e2e2}.one{stroke:#888;stroke-dasharray:4 3}\n"
    ".m0{fill:#9aa3ad}.m1{fill:#bcd6f2}.m2{fill:#7fb2e5}.m3{fill:#3f86cc}.m4{fill:#e8762c}\n"
    "@media(prefers-color-scheme:dark){text{fill:#d4d4d4}.page{fill:#16181b}.title{fill:#f3f3f3}.quiet{fill:#9a9a9a}"
    ".grid{stroke:#33373c}.one{stroke:#777}.m0{fill:#737c86}.m1{fill:#2c4a68}.m2{fill:#3b6ea3}.m3{fill:#5ba0e6}"
    ".m4{fill:#f28a45}}\n"
    "</style>\n";

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '<') out += "&lt;";
    else if (c == '>') out += "&gt;";
    else if (c == '&') out += "&amp;";
    else out += c;
  }
  return out;
}

std::string text_at(double x, double y, const char* style, const std::string& text) {
  return cat("<text x=\"", fixed(x, 1), "\" y=\"", fixed(y, 1), "\" class=\"", style, "\">", escaped(text),
             "</text>\n");
}

std::string line_at(double y, const char* style) {
  return cat("<line x1=\"", fixed(kLeft, 1), "\" x2=\"", fixed(kWidth - kRight, 1), "\" y1=\"", fixed(y, 1), "\" y2=\"",
             fixed(y, 1), "\" class=\"", style, "\"/>\n");
}

// 1, 2 or 5 times a power of ten, so that about four steps reach `most`.
double grid_step(double most) {
  const double power = std::pow(10, std::floor(std::log10(most / 4)));
  for (const double step : {1.0, 2.0, 5.0})
    if (most / (step * power) <= 5) return step * power;
  return 10 * power;
}

// The last mode is auto's colour, the first plain's, those between get darker.
std::string colour(size_t mode, size_t modes) {
  if (mode == 0) return "m0";
  return mode + 1 == modes ? "m4" : cat("m", std::min<size_t>(mode, 3));
}

struct Panel {
  const char* title;
  int digits;  // of the values at the bars
  double top;
  std::function<double(const SpeedResult&)> value;
};

std::string draw(const SpeedReport& report, const Panel& panel, size_t first_mode) {
  double most = 0;
  for (const SpeedResult& result : report.results) most = std::max(most, panel.value(result));
  const double step = grid_step(std::max(most, 1e-9)), reach = step * std::ceil(most * 1.04 / step);
  const double bottom = panel.top + kPanelHeight;
  const auto y = [&](double value) { return bottom - value / reach * kPanelHeight; };
  std::string out = text_at(kLeft, panel.top - 14, "panel", panel.title);
  for (double at = 0; at <= reach + step / 2; at += step)
    out += line_at(y(at), "grid") + text_at(kLeft - 8, y(at) + 4, "quiet end", fixed(at, step < 1 ? 1 : 0));
  const size_t bars = report.modes.size() - first_mode;
  const double group = (kWidth - kLeft - kRight) / static_cast<double>(report.tasks.size());
  const double bar = std::min(34.0, group * 0.82 / static_cast<double>(bars));
  for (size_t task = 0; task < report.tasks.size(); ++task) {
    const double middle = kLeft + group * (static_cast<double>(task) + 0.5);
    for (size_t mode = first_mode; mode < report.modes.size(); ++mode) {
      const double value = panel.value(report.at(task, mode));
      const double x = middle + bar * (static_cast<double>(mode - first_mode) - static_cast<double>(bars) / 2);
      out += cat("<rect x=\"", fixed(x + 1, 1), "\" y=\"", fixed(y(value), 1), "\" width=\"", fixed(bar - 2, 1),
                 "\" height=\"", fixed(bottom - y(value), 1), "\" rx=\"2\" class=\"", colour(mode, report.modes.size()),
                 "\"/>\n");
      out += text_at(x + bar / 2, y(value) - 4, "value", fixed(value, panel.digits));
    }
    out += text_at(middle, bottom + 19, "middle", report.tasks[task]);
  }
  return out;
}

std::string legend(const SpeedReport& report) {
  std::string out;
  double x = kLeft;
  for (size_t mode = 0; mode < report.modes.size(); ++mode) {
    out += cat("<rect x=\"", fixed(x, 1), "\" y=\"50\" width=\"12\" height=\"12\" rx=\"2\" class=\"",
               colour(mode, report.modes.size()), "\"/>\n");
    out += text_at(x + 18, 61, "", report.modes[mode]);
    x += 44 + 8 * static_cast<double>(report.modes[mode].size());
  }
  return out;
}

}  // namespace

std::string speed_chart(const SpeedReport& report) {
  const size_t slash = report.model.find_last_of('/');
  const std::string name = slash == std::string::npos ? report.model : report.model.substr(slash + 1);
  const bool has_gain = report.modes.size() > 1;
  const double second_top = kFirstTop + kPanelHeight + kGap;
  const double height = (has_gain ? second_top : kFirstTop) + kPanelHeight + 56;
  std::string out =
      cat("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 ", fixed(kWidth, 0), " ", fixed(height, 0),
          "\" role=\"img\" aria-label=\"Speed of ", escaped(name), " by use case and mode\">\n", kStyle,
          "<rect width=\"100%\" height=\"100%\" class=\"page\"/>\n");
  out += text_at(kLeft, 32, "title", cat("The same text, sooner: ", name)) + legend(report);
  const double fastest =
      std::max_element(report.results.begin(), report.results.end(), [](const auto& a, const auto& b) {
        return a.tokens_per_s.median() < b.tokens_per_s.median();
      })->tokens_per_s.median();
  out += draw(report,
              {"tokens per second", fastest < 20 ? 1 : 0, kFirstTop,
               [](const SpeedResult& result) { return result.tokens_per_s.median(); }},
              0);
  if (has_gain) {
    out += draw(
        report,
        {"times as fast as plain", 2, second_top, [](const SpeedResult& result) { return result.speed_up.median(); }},
        1);
    double most = 0;
    for (const SpeedResult& result : report.results) most = std::max(most, result.speed_up.median());
    const double step = grid_step(most), reach = step * std::ceil(most * 1.04 / step);
    out += line_at(second_top + kPanelHeight * (1 - 1 / reach), "one");
  }
  out += text_at(kLeft, height - 12, "quiet",
                 cat(report.machine, "; medians of ", report.repetitions, "; paceline bench"));
  return out + "</svg>\n";
}

}  // namespace paceline
