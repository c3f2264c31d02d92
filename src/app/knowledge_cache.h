#pragma once
// What speculation learned of a model on a machine (seconds of steps, ids its texts had), kept between runs in the user's cache folder, so
// that the first answer already has the drafts that pay. XDG_CACHE_HOME/paceline/curves or ~/.cache/paceline/curves; may be deleted at any
// time.
#include <string>

#include "app/session.h"

namespace paceline {

// What is known of this session's model on this machine; nothing when there is no file or it is damaged.
SpeculationKnowledge load_knowledge(const Session& session);
// Best effort: a cache that cannot be written is no reason to fail.
void save_knowledge(const Session& session, const SpeculationKnowledge& knowledge);

// The file's text, and back. Damaged text gives nothing.
std::string knowledge_text(const SpeculationKnowledge& knowledge);
SpeculationKnowledge parse_knowledge(const std::string& text);

}  // namespace paceline
