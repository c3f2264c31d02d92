#include "app/session.h"

#include <algorithm>
#include <chrono>

#include "app/console.h"
#include "app/device_choice.h"
#include "app/knowledge_cache.h"
#include "app/model_path.h"
#include "app/prompt_text.h"
#include "base/cpu_info.h"
#include "base/error.h"
#include "device/split_device.h"

namespace paceline {

namespace {

DType cache_type(const Arguments& arguments, std::string_view id) {
  const std::string name = arguments.text(id).value_or("f16");
  if (name == "f32") return DType::F32;
  return name == "q8_0" ? DType::Q8_0 : DType::F16;
}

int64_t file_integer(const GgufFile& file, const char* key) {
  const std::string architecture = file.metadata().text("general.architecture");
  return file.metadata().find_integer(cat(architecture, ".", key), 0, 1 << 30).value_or(0);
}

int context_length(const Arguments& arguments, int trained) {
  if (arguments.command() == kBench) return trained;  // each measurement takes what it needs
  if (arguments.command() == kServe && arguments.integer("context").value_or(0) == 0) return 0;  // as memory allows
  const int64_t wanted = arguments.integer("context").value_or(std::min(trained, kUsualContext));
  if (wanted > trained) say(cat("-c ", wanted, " is more than the ", trained, " positions the model was trained for"));
  return wanted == 0 ? trained : static_cast<int>(wanted);
}

bool file_has_draft_head(const GgufFile& file) { return file_integer(file, "nextn_predict_layers") > 0; }

// --mtp and llama.cpp's --spec-type and --spec-draft-n-max. A command without these flags drafts nothing.
void choose_drafts(const Arguments& arguments, const GgufFile& file, GeneratorOptions& options) {
  if (arguments.command() == kLogits) return;
  const auto mtp = arguments.text("mtp"), type = arguments.text("spec_type"), most = arguments.text("spec_max");
  if (mtp && (type || most))
    throw UsageError("--mtp says the same as --spec-type and --spec-draft-n-max, expected only one of them");
  const bool off = mtp == "off" || type == "none", head = file_has_draft_head(file);
  const auto depth = mtp ? arguments.integer("mtp") : arguments.integer("spec_max");
  const bool no_head = off || depth == 0;
  // A fixed depth is a wish to see the head's drafts and no others; so is none.
  const auto lookup = arguments.text("lookup");
  const bool copies = lookup ? lookup == "on" : !no_head && !depth;
  options.lookup_drafts = copies ? kMaxLookupDrafts : 0;
  if (no_head) return;
  if (!head && (depth || type))
    throw UsageError(cat(file.path(), " has no MTP head (nextn_predict_layers is 0), expected one for ",
                         mtp ? "--mtp" : (type ? "--spec-type" : "--spec-draft-n-max"), "; use --mtp off or auto"));
  if (!head) return;
  options.adapt_depth = !depth;
  options.drafts = depth ? static_cast<int>(*depth) : kMaxDrafts;
}

// Positions for the deepest of bench's -d and what is usual behind it.
std::optional<int64_t> bench_context(const Arguments& arguments) {
  const std::vector<int> depths = arguments.integers("depths");
  const int deepest = depths.empty() ? 0 : *std::max_element(depths.begin(), depths.end());
  return deepest == 0 ? std::nullopt : std::optional<int64_t>(kUsualContext + deepest);
}

// What a GPU must have room for beside the layers. A server whose slots or context are left open adapts them to the memory there is.
OffloadRequest offload_request(const Arguments& arguments, const Session& session, const RunnerOptions& pass) {
  OffloadRequest request{.wish = {}, .pass = pass, .kv = session.options.kv, .usual = {}, .least = {}};
  const int trained = static_cast<int>(std::max<int64_t>(1, file_integer(*session.file, "context_length")));
  const std::optional<int64_t> context =
      arguments.command() == kBench ? bench_context(arguments) : arguments.integer("context");
  const int64_t asked = context.value_or(0);
  const bool serves = arguments.command() == kServe;
  request.usual = {pass.max_sequences, asked > 0 ? static_cast<int>(asked) : std::min(trained, kUsualContext)};
  if (!serves && context == 0) request.usual.context = trained;
  request.least = request.usual;
  if (serves && arguments.integer("slots").value_or(0) <= 0) request.least.slots = 1;
  if (serves && asked <= 0) request.least.context = std::min(trained, Engine::kLeastContext);
  return request;
}

// The device the flags ask for; where a GPU takes some of the layers, a split one.
void open_devices(const Arguments& arguments, const RunnerOptions& pass, Session& session) {
  std::string note;
  const DeviceChoice choice = choose_device(arguments, {cuda_device_missing, unused_gpu_note}, note);
  if (!note.empty()) say(note);
  session.threads = choice.options.threads > 0 ? choice.options.threads : physical_core_count();
  session.device = open_device(choice.options);
  if (!choice.layers) return;
  OffloadRequest request = offload_request(arguments, session, pass);
  request.wish = *choice.layers;
  std::unique_ptr<Device> cpu = open_device(choice.cpu_options);
  const OffloadPlan plan = plan_offload(*session.file, *session.device, *cpu, request);
  for (const std::string& line : plan.lines) say(line);
  if (plan.all_on_gpu()) {
    const std::string& isa = choice.cpu_options.isa;
    if (!isa.empty()) say(cat("--isa ", isa, " changes nothing, no layer is on the CPU"));
    return;
  }
  if (plan.gpu_layers == 0) {
    session.device = std::move(cpu);
    return;
  }
  session.gpu = std::move(session.device), session.cpu = std::move(cpu);
  session.device = std::make_unique<SplitDevice>(*session.gpu, *session.cpu, plan.first_blocks());
}

}  // namespace

std::string full_context_note(const Session& session) {
  return cat("the context of ", session.options.context, " is full (-c N makes room for more)");
}

GgufFile open_model_file(const Arguments& arguments) { return GgufFile::open(find_model_file(model_name(arguments))); }

EngineOptions engine_options(const GeneratorOptions& options) {
  EngineOptions out;
  out.context = options.context;
  out.max_prompt_rows = options.max_prompt_rows;
  out.max_drafts = options.drafts;
  out.adapt_depth = options.drafts == 0 || options.adapt_depth;
  out.lookup_drafts = options.lookup_drafts;
  out.known = options.known;
  out.kv = options.kv;
  return out;
}

Session open_session(const Arguments& arguments, const PassOptions& pass_options) {
  const auto start = std::chrono::steady_clock::now();
  Session session;
  session.file = std::make_unique<GgufFile>(open_model_file(arguments));
  choose_drafts(arguments, *session.file, session.options);
  session.tokenizer = Tokenizer::load(*session.file);
  session.options.max_prompt_rows = static_cast<int>(arguments.integer("chunk").value_or(512));
  session.options.kv = {cache_type(arguments, "cache_type_k"), cache_type(arguments, "cache_type_v")};
  const RunnerOptions pass = pass_options(session.options);
  open_devices(arguments, pass, session);
  session.options.known = load_knowledge(session);
  ProgressLine progress("loading");
  ModelOptions options;
  options.max_batch_rows = max_batch_rows(pass);
  options.on_progress = [&](double share) { progress.show(share); };
  session.model = load_model(*session.file, *session.device, options);
  session.options.context = context_length(arguments, session.model->facts().context_length);
  session.load_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return session;
}

}  // namespace paceline
