#pragma once
// Sampling parameters: flags, else the model's own defaults (general.sampling.*), else `usual`.
#include "app/arguments.h"
#include "engine/sampler.h"
#include "gguf/metadata.h"
#include "text/tokenizer.h"

namespace paceline {

// A seed that nobody gave is drawn and said, when it matters.
SamplingParameters sampling_parameters(const Arguments& arguments, const Metadata& metadata, const Tokenizer& tokenizer,
                                       SamplingParameters usual = {});

}  // namespace paceline
