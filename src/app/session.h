#pragma once
// What every command that runs a model opens first: file, tokenizer, device, model, from the same flags.
#include <functional>
#include <memory>
#include <string>

#include "app/arguments.h"
#include "device/device.h"
#include "engine/engine.h"
#include "engine/generator.h"
#include "gguf/reader.h"
#include "model/model.h"
#include "text/tokenizer.h"

namespace paceline {

struct Session {
  std::unique_ptr<GgufFile> file;
  std::unique_ptr<Tokenizer> tokenizer;
  std::unique_ptr<Device> gpu, cpu;  // the two parts of a device that is split between them, else null
  std::unique_ptr<Device> device;
  std::unique_ptr<Model> model;
  GeneratorOptions options;  // context, chunk, cache types, drafts
  int threads = 1;         // of the device
  double load_seconds = 0;
};

inline constexpr int kUsualContext = 8192;

// Said of an answer that the context cut.
std::string full_context_note(const Session& session);

GgufFile open_model_file(const Arguments& arguments);
// What the engine takes over from the flags: context, chunk, drafts, cache types.
EngineOptions engine_options(const GeneratorOptions& options);
// The widest passes of a command: the model is loaded for them.
using PassOptions = std::function<RunnerOptions(const GeneratorOptions&)>;
Session open_session(const Arguments& arguments, const PassOptions& pass_options = Generator::runner_options);

}  // namespace paceline
