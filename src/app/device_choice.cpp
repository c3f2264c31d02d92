#include "app/device_choice.h"

#include <algorithm>

#include "base/error.h"

namespace paceline {

namespace {

// The layers -ngl puts on the GPU; -1 is all, as "all" is.
LayerWish wished_layers(const Arguments& arguments) {
  if (arguments.text("gpu_layers") == "auto") return {LayerWish::Kind::Fitting};
  const auto count = arguments.integer("gpu_layers");
  if (!count || *count < 0) return {LayerWish::Kind::All};
  return {LayerWish::Kind::Count, *count};
}

// Whether -ngl puts layers on the GPU; none when it leaves that to --device.
std::optional<bool> layers_on_gpu(const Arguments& arguments, const GpuQuestions& gpu, std::string& note) {
  const auto text = arguments.text("gpu_layers");
  if (!text) {
    if (!arguments.text("device")) note = gpu.unused_note();
    return std::nullopt;
  }
  if (arguments.integer("gpu_layers") == 0) return false;
  const std::string missing = gpu.missing();
  if (missing.empty()) return true;
  if (*text != "auto") note = cat("-ngl changes nothing here, all layers stay on the CPU: ", missing);
  return std::nullopt;
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

DeviceChoice choose_device(const Arguments& arguments, const GpuQuestions& gpu, std::string& note) {
  DeviceChoice choice;
  DeviceOptions& options = choice.options;
  const auto named = arguments.text("device");
  const auto on_gpu = layers_on_gpu(arguments, gpu, note);
  if (named && *named != "auto") {
    options.kind = *named;
    if (on_gpu && *on_gpu != (*named == "cuda"))
      throw UsageError(cat("-ngl ", *arguments.text("gpu_layers"), " and --device ", *named,
                           " contradict each other, expected only one of them"));
  } else {
    options.kind = on_gpu.value_or(named && gpu.missing().empty()) ? "cuda" : "cpu";
  }
  if (options.kind == "cuda") {
    if (arguments.text("gpu_layers")) choice.layers = wished_layers(arguments);
    else choice.layers = {*named == "auto" ? LayerWish::Kind::Fitting : LayerWish::Kind::All};
  }
  options.threads = static_cast<int>(std::max<int64_t>(0, arguments.integer("threads").value_or(0)));
  options.isa = arguments.text("isa").value_or("");
  options.graphs = uses_graphs(arguments, options.kind, note);
  choice.cpu_options = {.kind = "cpu", .threads = options.threads, .isa = options.isa};
  if (choice.layers && choice.layers->kind != LayerWish::Kind::All) options.isa.clear();  // the CPU may take layers
  return choice;
}

}  // namespace paceline
