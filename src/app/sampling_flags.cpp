#include "app/sampling_flags.h"

#include <charconv>
#include <limits>
#include <utility>

#include "app/console.h"
#include "base/error.h"
#include "base/random.h"

namespace paceline {

namespace {

// The flag `id`, else the model's `key`, else what is there already.
void choose(float& value, const Arguments& arguments, std::string_view id, const Metadata& metadata,
            std::string_view key) {
  if (const auto given = arguments.number(id)) value = static_cast<float>(*given);
  else if (const auto own = metadata.find_number(key)) value = static_cast<float>(*own);
}
void choose(int& value, const Arguments& arguments, std::string_view id, const Metadata& metadata,
            std::string_view key) {
  constexpr int64_t kMost = std::numeric_limits<int>::max();
  if (const auto given = arguments.integer(id)) value = static_cast<int>(*given);
  else if (const auto own = metadata.find_integer(key, -1, kMost)) value = static_cast<int>(*own);
}

// "1234+2.5", "1234-2.5"
LogitBias parse_bias(const std::string& text, int vocab_size) {
  const size_t sign = text.find_first_of("+-");
  LogitBias bias;
  const char *begin = text.data(), *end = begin + text.size();
  const bool complete = sign != std::string::npos && sign > 0 && sign + 1 < text.size();
  const char* number = complete ? begin + sign + (text[sign] == '+' ? 1 : 0) : end;
  const bool ok = complete && std::from_chars(begin, end, bias.token).ptr == begin + sign &&
                  std::from_chars(number, end, bias.bias).ptr == end;
  if (!ok || bias.token < 0 || bias.token >= vocab_size)
    throw UsageError(cat("--logit-bias: expected ID+X or ID-X with an id below ", vocab_size, ", got \"", text, "\""));
  return bias;
}

uint64_t choose_seed(const Arguments& arguments, bool matters) {
  const auto given = arguments.integer("seed");
  if (given && *given >= 0) return static_cast<uint64_t>(*given);
  const uint64_t seed = system_seed();
  if (matters) say(cat("seed ", seed));
  return seed;
}

}  // namespace

SamplingParameters sampling_parameters(const Arguments& arguments, const Metadata& metadata, const Tokenizer& tokenizer,
                                       SamplingParameters usual) {
  SamplingParameters parameters = std::move(usual);
  choose(parameters.temperature, arguments, "temperature", metadata, "general.sampling.temp");
  choose(parameters.top_k, arguments, "top_k", metadata, "general.sampling.top_k");
  choose(parameters.top_p, arguments, "top_p", metadata, "general.sampling.top_p");
  choose(parameters.min_p, arguments, "min_p", metadata, "general.sampling.min_p");
  choose(parameters.repeat_penalty, arguments, "repeat_penalty", metadata, "general.sampling.penalty_repeat");
  choose(parameters.presence_penalty, arguments, "presence_penalty", metadata, "general.sampling.penalty_present");
  choose(parameters.frequency_penalty, arguments, "frequency_penalty", metadata, "general.sampling.penalty_freq");
  choose(parameters.penalty_window, arguments, "penalty_window", metadata, "general.sampling.penalty_last_n");
  for (const std::string& text : arguments.texts("logit_bias"))
    parameters.bias.push_back(parse_bias(text, tokenizer.vocab_size()));
  if (arguments.has("ignore_eos"))
    for (const Token token : tokenizer.end_tokens())
      parameters.bias.push_back({token, -std::numeric_limits<float>::infinity()});
  parameters.seed = choose_seed(arguments, parameters.temperature > 0);
  return parameters;
}

}  // namespace paceline
