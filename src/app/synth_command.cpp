// paceline synth: makes a model of a real one's shape without a download (docs/synth.md).
#include <algorithm>
#include <chrono>

#include "app/commands.h"
#include "app/console.h"
#include "app/synth/synthesis.h"
#include "app/termination.h"
#include "base/cpu_info.h"
#include "base/error.h"
#include "gguf/writer.h"

namespace paceline {

namespace {

int thread_count(const Arguments& arguments) {
  const int64_t wanted = arguments.integer("threads").value_or(0);
  return wanted > 0 ? static_cast<int>(wanted) : std::max(1, usable_cpu_count());
}

}  // namespace

int run_synth(const Arguments& arguments) {
  synth::SynthesisOptions options;
  options.shape = &synth::find_shape(arguments.required_text("shape"));
  options.mix = &synth::find_mix(arguments.required_text("type"));
  options.path = arguments.required_text("output");
  options.accept = arguments.number("accept");
  options.rare = arguments.number("rare").value_or(0);
  options.seed = static_cast<uint64_t>(arguments.integer("synth_seed").value_or(0));
  options.threads = thread_count(arguments);
  if (arguments.has("rare") && !options.accept) throw UsageError("--rare needs --accept, expected both");

  const std::string part_path = GgufWriter::part_path(options.path);
  const TerminationWatch watch(part_path.c_str());
  const auto start = std::chrono::steady_clock::now();
  synth::SynthesisResult result;
  {
    ProgressLine progress(options.path);
    options.on_progress = [&](uint64_t done, uint64_t total) {
      progress.show(static_cast<double>(done) / static_cast<double>(total));
    };
    result = synth::synthesize(options);
  }
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  say(cat("wrote ", options.path, ": ", options.shape->name, " ", options.mix->name, ", ", result.tensor_count,
          " tensors, ", human_bytes(result.tensor_bytes), " in ", fixed(elapsed.count(), 1), " s"));
  return 0;
}

}  // namespace paceline
