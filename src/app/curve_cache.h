#pragma once
// Seconds of steps, kept between runs for each model file and machine in the user's cache folder, so that the first answer already has
// the depth of drafts that pays. XDG_CACHE_HOME/paceline/curves or ~/.cache/paceline/curves; may be deleted at any time.
#include <string>

#include "app/session.h"

namespace paceline {

// What is known of this session's model on this machine; default curves when nothing is, or when the file is damaged.
StepTimes load_curves(const Session& session);
// Best effort: a cache that cannot be written is no reason to fail.
void save_curves(const Session& session, const StepTimes& times);

// For tests: the file's text, and back. Damaged text gives default curves.
std::string curves_text(const StepTimes& times);
StepTimes parse_curves(const std::string& text);

}  // namespace paceline
