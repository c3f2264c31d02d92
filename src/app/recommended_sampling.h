#pragma once
// What the makers of a model recommend on its card, for files that do not say it themselves (general.sampling.*).
#include "engine/sampler.h"
#include "gguf/metadata.h"

namespace paceline {

// The usual parameters when the file has settings of its own, or nobody recommends any for its architecture.
SamplingParameters recommended_sampling(const Metadata& metadata, bool thinks);

}  // namespace paceline
