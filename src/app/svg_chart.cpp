#include "app/svg_chart.h"

#include <cmath>

#include "base/strings.h"

namespace paceline::svg {

const char* const kStyle =
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

double grid_step(double most) {
  const double power = std::pow(10, std::floor(std::log10(most / 4)));
  for (const double step : {1.0, 2.0, 5.0})
    if (most / (step * power) <= 5) return step * power;
  return 10 * power;
}

std::string bar_at(double x, double top, double width, double bottom, const std::string& colour) {
  return cat("<rect x=\"", fixed(x + 1, 1), "\" y=\"", fixed(top, 1), "\" width=\"", fixed(width - 2, 1),
             "\" height=\"", fixed(bottom - top, 1), "\" rx=\"2\" class=\"", colour, "\"/>\n");
}

std::string page(double height, const std::string& label, const std::string& title, const std::string& body) {
  return cat("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 ", fixed(kWidth, 0), " ", fixed(height, 0),
             "\" role=\"img\" aria-label=\"", escaped(label), "\">\n", kStyle,
             "<rect width=\"100%\" height=\"100%\" class=\"page\"/>\n", text_at(kLeft, 32, "title", title), body,
             "</svg>\n");
}

}  // namespace paceline::svg
