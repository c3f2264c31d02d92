#include "model/architectures.h"

namespace paceline {

namespace {

struct Architecture {
  const char* name;
  std::unique_ptr<Model> (*load)(const GgufFile&, Device&, const ModelOptions&);
};

// The one place that lists what can be loaded.
constexpr Architecture kArchitectures[] = {
    {"qwen35", load_qwen35},
    {"qwen35moe", load_qwen35},
    {"qwen3", load_qwen3},
};

}  // namespace

std::unique_ptr<Model> load_model(const GgufFile& file, Device& device, const ModelOptions& options) {
  const std::string& name = file.metadata().text("general.architecture");
  std::string known;
  for (const Architecture& architecture : kArchitectures) {
    if (name == architecture.name) return architecture.load(file, device, options);
    known += cat(known.empty() ? "" : ", ", architecture.name);
  }
  fail(file.path(), ": general.architecture is \"", name, "\", expected one of ", known);
}

}  // namespace paceline
