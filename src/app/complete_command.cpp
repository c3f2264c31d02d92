// paceline complete: continues a text. Standard output is exactly the bytes of the generated tokens (or one JSON object), everything else
// goes to standard error; scripts rely on it.
#include <algorithm>

#include "app/commands.h"
#include "app/console.h"
#include "app/knowledge_cache.h"
#include "app/prompt_text.h"
#include "app/sampling_flags.h"
#include "app/session.h"
#include "base/error.h"
#include "base/json.h"

namespace paceline {

namespace {

std::vector<Token> prompt_tokens(const Session& session, const std::string& text) {
  const Tokenizer& tokenizer = *session.tokenizer;
  std::vector<Token> tokens;
  if (tokenizer.add_bos() && tokenizer.bos() >= 0) tokens.push_back(tokenizer.bos());
  const std::vector<Token> words = tokenizer.encode(text, true);
  tokens.insert(tokens.end(), words.begin(), words.end());
  if (tokens.empty())
    throw UsageError("the prompt is empty, expected at least one token (-p TEXT, -f FILE or standard input)");
  return tokens;
}

const char* reason_name(StopReason reason) {
  switch (reason) {
    case StopReason::EndToken: return "end";
    case StopReason::MaxTokens: return "length";
    case StopReason::ContextFull: return "context";
    case StopReason::Cancelled: return "cancelled";
  }
  return "";
}

template <class Values>
Json json_list(const Values& values, size_t count) {
  Json list = Json::array();
  for (size_t i = 0; i < count; ++i) list.push_back(Json(values[i]));
  return list;
}

Json timings(const Session& session, const Generation& generation) {
  Json out = Json::object();
  out.set("load_s", session.load_seconds);
  out.set("prompt_s", generation.prompt_seconds);
  out.set("generation_s", generation.generation_seconds);
  out.set("prompt_tokens_per_s", generation.prompt_tokens_per_second());
  out.set("tokens_per_s", generation.tokens_per_second());
  return out;
}

Json report(const Session& session, const std::vector<Token>& prompt, const SamplingParameters& sampling,
            const Generation& generation) {
  const size_t depth = static_cast<size_t>(session.options.drafts);
  Json out = Json::object();
  out.set("prompt_ids", json_list(prompt, prompt.size()));
  out.set("ids", json_list(generation.output, generation.output.size()));
  out.set("text", session.tokenizer->decode(generation.output));
  out.set("stop", reason_name(generation.reason));
  out.set("seed", sampling.seed);
  out.set("passes", generation.stats.passes);
  out.set("tokens_per_pass", generation.tokens_per_pass());
  out.set("drafted", json_list(generation.stats.drafted, depth));
  out.set("accepted", json_list(generation.stats.accepted, depth));
  out.set("lookup_drafted", generation.stats.lookup_drafted);
  out.set("lookup_accepted", generation.stats.lookup_accepted);
  out.set("timings", timings(session, generation));
  out.set("device", session.device->description());
  return out;
}

void say_summary(const Generation& generation) {
  std::string line =
      cat(generation.output.size(), " tokens, ", fixed(generation.tokens_per_second(), 1), " tokens/s; prompt ",
          generation.prompt_tokens, " tokens, ", fixed(generation.prompt_tokens_per_second(), 1), " tokens/s");
  if (generation.stats.drafted[0] > 0) {
    line += cat("; ", fixed(generation.tokens_per_pass(), 2), " tokens per pass, drafts accepted by position");
    for (size_t i = 0; i < generation.stats.drafted.size() && generation.stats.drafted[i] > 0; ++i)
      line += cat(" ",
                  fixed(100.0 * static_cast<double>(generation.stats.accepted[i]) /
                            static_cast<double>(generation.stats.drafted[i]),
                        0),
                  " %");
  }
  if (generation.stats.lookup_drafted > 0)
    line += cat("; copied from the text ", generation.stats.lookup_accepted, " of ", generation.stats.lookup_drafted);
  if (generation.drafting_paused) line += "; MTP paused: plain decoding is faster here";
  say(line);
}

}  // namespace

int run_complete(const Arguments& arguments) {
  Session session = open_session(arguments);
  const Tokenizer& tokenizer = *session.tokenizer;
  const std::vector<Token> prompt = prompt_tokens(session, prompt_text(arguments));
  const SamplingParameters sampling = sampling_parameters(arguments, session.file->metadata(), tokenizer);
  const bool json = arguments.has("json");
  Generator generator(*session.device, *session.model, session.options);

  GenerationLimits limits;
  limits.max_tokens = static_cast<int>(arguments.integer("max_tokens").value_or(-1));
  if (!arguments.has("ignore_eos")) limits.end_tokens = tokenizer.end_tokens();
  const auto on_token = [&](Token token) {
    if (!json) write_output(tokenizer.piece(token));
    return true;
  };
  const Generation generation = generator.generate(prompt, sampling, limits, on_token);
  save_knowledge(session, generator.learned());
  if (json) write_output(report(session, prompt, sampling, generation).dump() + "\n");
  if (generation.reason == StopReason::ContextFull) say(full_context_note(session));
  say_summary(generation);
  return 0;
}

}  // namespace paceline
