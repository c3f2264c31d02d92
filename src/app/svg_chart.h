#pragma once
// What the charts of `paceline bench` are drawn with: SVG written by hand, in about the size of a page's column. Colours come from classes,
// so that a reader who prefers dark gets dark: m0 (plain) to m4 (auto).
#include <string>

namespace paceline::svg {

inline constexpr double kWidth = 960, kLeft = 56, kRight = 16;

extern const char* const kStyle;

std::string escaped(const std::string& text);
std::string text_at(double x, double y, const char* style, const std::string& text);
std::string line_at(double y, const char* style);  // across the panel
std::string bar_at(double x, double top, double width, double bottom, const std::string& colour);
// The frame around `body`: background, title.
std::string page(double height, const std::string& label, const std::string& title, const std::string& body);
// 1, 2 or 5 times a power of ten, so that about four steps reach `most`.
double grid_step(double most);

}  // namespace paceline::svg
