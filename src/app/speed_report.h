#pragma once
// A speed report for people (Markdown), programs (JSON), spreadsheets (CSV) and the eye (SVG, light and dark by the reader's setting).
#include <string>

#include "app/speed_runs.h"
#include "base/json.h"

namespace paceline {

// Shared with the other reports of `paceline bench`.
std::string percents(const std::vector<double>& shares);  // "71 % 50 %", or a dash
Json json_list(const std::vector<double>& values);

std::string speed_markdown(const SpeedReport& report);
Json speed_json(const SpeedReport& report);
std::string speed_csv(const SpeedReport& report);
// Two panels: tokens per second by use case and mode, and how many times as fast as plain.
std::string speed_chart(const SpeedReport& report);

}  // namespace paceline
