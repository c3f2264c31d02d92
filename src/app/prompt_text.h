#pragma once
// Where a command's text comes from: -p, -f or standard input.
#include <string>

#include "app/arguments.h"

namespace paceline {

std::string prompt_text(const Arguments& arguments);

// -m or the positional MODEL.
std::string model_name(const Arguments& arguments);

}  // namespace paceline
