#include "app/recommended_sampling.h"

#include <algorithm>

namespace paceline {

namespace {

bool has_own_settings(const Metadata& metadata) {
  return std::any_of(metadata.entries().begin(), metadata.entries().end(),
                     [](const Metadata::Entry& entry) { return entry.first.starts_with("general.sampling."); });
}

}  // namespace

SamplingParameters recommended_sampling(const Metadata& metadata, bool thinks) {
  SamplingParameters parameters;
  const std::string architecture = metadata.find_text("general.architecture").value_or("");
  if (has_own_settings(metadata) || (architecture != "qwen35" && architecture != "qwen35moe")) return parameters;
  // The cards of Qwen3.5 to 3.8.
  parameters.temperature = thinks ? 1.0f : 0.7f;
  parameters.top_p = thinks ? 0.95f : 0.8f;
  parameters.top_k = 20;
  parameters.min_p = 0;
  parameters.presence_penalty = thinks ? 0.0f : 1.5f;
  return parameters;
}

}  // namespace paceline
