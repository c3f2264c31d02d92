// The chart of a speed report.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>

#include "app/speed_report.h"
#include "app/svg_chart.h"

namespace paceline {

namespace {

using namespace svg;

constexpr double kPanelHeight = 210, kFirstTop = 112, kGap = 74;

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
      out += bar_at(x, y(value), bar, bottom, colour(mode, report.modes.size()));
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
  const std::string name = std::filesystem::path(report.model).filename();
  const bool has_gain = report.modes.size() > 1;
  const double second_top = kFirstTop + kPanelHeight + kGap;
  const double height = (has_gain ? second_top : kFirstTop) + kPanelHeight + 56;
  std::string out = legend(report);
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
  return page(height, cat("Speed of ", name, " by use case and mode"), cat("The same text, sooner: ", name), out);
}

}  // namespace paceline
