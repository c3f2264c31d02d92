// The chart of `paceline bench --rows`: what a step of several rows costs, and how much of that a lone row costs already.
#include <algorithm>
#include <cmath>
#include <filesystem>

#include "app/bench_runs.h"
#include "app/svg_chart.h"
#include "base/error.h"

namespace paceline {

using namespace svg;

std::string rows_chart(const std::string& model, const std::string& machine, const std::vector<RowsResult>& rows) {
  constexpr double kTop = 112, kPanelHeight = 240, kBottom = kTop + kPanelHeight;
  const double first = rows.front().milliseconds.median();
  double most = 0;
  for (const RowsResult& row : rows) most = std::max(most, row.milliseconds.median());
  const double step = grid_step(most), reach = step * std::ceil(most * 1.06 / step);
  const auto y = [&](double value) { return kBottom - value / reach * kPanelHeight; };
  std::string out = text_at(kLeft, 64, "quiet", "in blue what the first row costs alone; a further row costs the rest");
  out += text_at(kLeft, kTop - 14, "panel", "milliseconds of a step, and how many times one row's");
  for (double at = 0; at <= reach + step / 2; at += step)
    out += line_at(y(at), "grid") + text_at(kLeft - 8, y(at) + 4, "quiet end", fixed(at, step < 1 ? 1 : 0));
  const double group = (kWidth - kLeft - kRight) / static_cast<double>(rows.size()), bar = std::min(54.0, group * 0.6);
  for (size_t i = 0; i < rows.size(); ++i) {
    const double value = rows[i].milliseconds.median(), middle = kLeft + group * (static_cast<double>(i) + 0.5);
    out += bar_at(middle - bar / 2, y(value), bar, kBottom, "m4");
    out += bar_at(middle - bar / 2, y(std::min(first, value)), bar, kBottom, "m2");
    out += text_at(middle, y(value) - 5, "value", cat(fixed(value / first, 2), "×"));
    out += text_at(middle, kBottom + 19, "middle", cat(rows[i].rows, rows[i].rows == 1 ? " row" : " rows"));
  }
  out += text_at(kLeft, kBottom + 46, "quiet", cat(machine, "; paceline bench --rows"));
  const std::string name = std::filesystem::path(model).filename();
  return page(kBottom + 58, cat("Milliseconds of a step of ", name, " by its rows"),
              cat("Checking several tokens at once: ", name), out);
}

}  // namespace paceline
