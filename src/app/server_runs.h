#pragma once
// The questions of `paceline bench` put to servers with OpenAI's API, in turns, so that any two engines can stand side by side.
#include "app/speed_runs.h"

namespace paceline {

// One mode for each --server; times as fast: as the first of them. What a server says of its work (usage, timings) is taken, else chunks
// are counted. Texts are not compared: other engines may write others.
SpeedReport run_servers(const Arguments& arguments, const SpeedOptions& options,
                        const std::function<void(double)>& progress);

}  // namespace paceline
