#pragma once
// The golden renders and language vectors of tests/data/templates.
#include <ctime>

#include "base/json.h"

namespace paceline {

const Json& template_vectors();
std::tm parse_time(const std::string& text);  // "2026-01-15T12:00:00"

}  // namespace paceline
