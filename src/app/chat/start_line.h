#pragma once
// The line that `run` begins with: what was loaded, what it runs on, and what was chosen.
#include <string>
#include <vector>

#include "app/session.h"

namespace paceline {

// model, quantization, device, context, memory, drafts. seed: shown when it decides the text.
std::vector<std::string> start_facts(const Session& session, const SamplingParameters& sampling);

}  // namespace paceline
