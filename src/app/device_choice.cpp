#include "app/device_choice.h"

#include <algorithm>
#include <optional>

#include "base/error.h"

namespace paceline {

namespace {

// Whether -ngl puts the layers on the GPU; none when it leaves that to --device.
std::optional<bool> layers_on_gpu(const Arguments& arguments, const MissingCuda& cuda_missing, int64_t layer_count,
                                  std::string& note) {
  const auto text = arguments.text("gpu_layers");
  const auto count = arguments.integer("gpu_layers");
  if (!text) return std::nullopt;
  if (count == 0) return false;
  if (const std::string missing = cuda_missing(); !missing.empty()) {
    if (*text != "auto") note = cat("-ngl changes nothing here, all layers stay on the CPU: ", missing);
    return std::nullopt;
  }
  if (count && *count > 0 && *count < layer_count)
    throw UsageError(cat("-ngl ", *count, " is a part of the model's ", layer_count,
                         " layers, expected 0 or all: a model cannot be divided between GPU and CPU yet"));
  return true;
}

// --cuda-graphs is for a GPU that is there, or that would have been used.
bool uses_graphs(const Arguments& arguments, const std::string& device, std::string& note) {
  const auto text = arguments.text("cuda_graphs");
  if (!text || device == "cuda") return text != "off";
  if (arguments.text("device") != "auto" && !arguments.text("gpu_layers"))
    throw UsageError(cat("--cuda-graphs ", *text, " is for the cuda device, expected --device cuda or none of it"));
  note += cat(note.empty() ? "" : "; ", "--cuda-graphs changes nothing on the CPU");
  return true;
}

}  // namespace

DeviceOptions choose_device(const Arguments& arguments, const MissingCuda& cuda_missing, int64_t layer_count,
                            std::string& note) {
  DeviceOptions options;
  const auto named = arguments.text("device");
  const auto on_gpu = layers_on_gpu(arguments, cuda_missing, layer_count, note);
  if (named && *named != "auto") {
    options.kind = *named;
    if (on_gpu && *on_gpu != (*named == "cuda"))
      throw UsageError(cat("-ngl ", *arguments.text("gpu_layers"), " and --device ", *named,
                           " contradict each other, expected only one of them"));
  } else {
    options.kind = on_gpu.value_or(named && cuda_missing().empty()) ? "cuda" : "cpu";
  }
  options.threads = static_cast<int>(std::max<int64_t>(0, arguments.integer("threads").value_or(0)));
  options.isa = arguments.text("isa").value_or("");
  options.graphs = uses_graphs(arguments, options.kind, note);
  return options;
}

}  // namespace paceline
