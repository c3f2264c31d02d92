#include "app/chat/start_line.h"

#include <filesystem>

#include "app/memory_needs.h"
#include "base/strings.h"
#include "base/utf8.h"

namespace paceline {

namespace {

std::string model_title(const GgufFile& file) {
  const std::string file_name = std::filesystem::path(file.path()).stem().string();
  return printable(file.metadata().find_text("general.name").value_or(file_name));
}

std::string draft_fact(const GeneratorOptions& options, const ModelFacts& facts) {
  if (!facts.has_draft_head && options.lookup_drafts > 0) return "no MTP head: only repetitions are guessed";
  if (!facts.has_draft_head) return "no MTP head: plain decoding";
  if (options.drafts == 0) return "MTP head found, off as asked";
  if (options.adapt_depth) return cat("MTP head found: up to ", options.drafts, " drafts, as many as pay");
  return cat("MTP head found: ", options.drafts, options.drafts == 1 ? " draft" : " drafts", " as asked");
}

// Why it is this long.
std::string context_fact(const Session& session) {
  const int context = session.options.context, trained = session.model->facts().context_length;
  if (context == trained) return cat("context ", context, " as trained");
  if (context == kUsualContext) return cat("context ", context, " of ", trained, " (-c N for more)");
  return cat("context ", context, " of ", trained, " as asked");
}

}  // namespace

std::vector<std::string> start_facts(const Session& session, const SamplingParameters& sampling) {
  const MemoryNeeds needs = memory_needs(*session.file, session.options.context);
  std::vector<std::string> facts = {model_title(*session.file),
                                    main_quantization(*session.file),
                                    session.device->description(),
                                    context_fact(session),
                                    human_bytes(needs.weight_bytes + needs.kv_bytes + needs.recurrent_bytes),
                                    draft_fact(session.options, session.model->facts())};
  if (sampling.temperature > 0) facts.push_back(cat("seed ", sampling.seed));
  return facts;
}

}  // namespace paceline
