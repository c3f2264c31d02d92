#include "serve/sampling_fields.h"

#include <charconv>
#include <cmath>
#include <limits>

#include "base/random.h"
#include "serve/api_error.h"

namespace paceline {

namespace {

constexpr size_t kMostBiases = 2048, kMostStops = 32;
constexpr double kBiasLimit = 1e6;

void read(float& value, const Fields& fields, std::string_view name, double lowest, double highest) {
  if (const auto given = fields.number(name, lowest, highest)) value = static_cast<float>(*given);
}

void read(int& value, const Fields& fields, std::string_view name, int64_t lowest) {
  if (const auto given = fields.integer_up_to(name, lowest, std::numeric_limits<int>::max()))
    value = static_cast<int>(*given);
}

float bias_value(const Json& value) {
  if (value.is_bool() && !value.as_bool()) return -std::numeric_limits<float>::infinity();
  if (!value.is_number() || !(std::abs(value.as_number()) <= kBiasLimit))
    bad_field("logit_bias", "expected biases of -1e6 to 1e6 or false, got ", value.dump());
  return static_cast<float>(value.as_number());
}

void add_bias(const Service& service, int64_t token, const Json& value, std::vector<LogitBias>& out) {
  if (token < 0 || token >= service.tokenizer.vocab_size())
    bad_field("logit_bias", "there is no token ", token, ", expected 0 to ", service.tokenizer.vocab_size() - 1);
  out.push_back({static_cast<Token>(token), bias_value(value)});
}

int64_t token_of_key(const std::string& key) {
  int64_t token = -1;
  const auto parsed = std::from_chars(key.data(), key.data() + key.size(), token);
  if (parsed.ec != std::errc() || parsed.ptr != key.data() + key.size())
    bad_field("logit_bias", "expected token ids as keys, got \"", key, "\"");
  return token;
}

// OpenAI: {"1234": -100}; llama.cpp also [[1234, -100], ["text", false]].
void read_bias(const Fields& fields, const Service& service, std::vector<LogitBias>& out) {
  const Json* given = fields.find("logit_bias");
  if (given == nullptr) return;
  const bool is_object = given->is_object();
  if (!is_object && !given->is_array())
    bad_field("logit_bias", "expected an object or an array of pairs, got ", given->kind());
  const size_t count = is_object ? given->as_object().size() : given->as_array().size();
  if (count > kMostBiases) bad_field("logit_bias", "expected at most ", kMostBiases, " entries, got ", count);
  if (is_object) {
    for (const JsonMember& member : given->as_object().members())
      add_bias(service, token_of_key(member.key), member.value, out);
    return;
  }
  for (const Json& pair : given->as_array()) {
    if (!pair.is_array() || pair.as_array().size() != 2) bad_field("logit_bias", "expected pairs, got ", pair.kind());
    const Json &what = pair.as_array()[0], &value = pair.as_array()[1];
    if (what.is_string()) {
      for (const Token token : service.tokenizer.encode(what.as_string(), true)) add_bias(service, token, value, out);
    } else if (what.is_integer()) {
      add_bias(service, what.as_integer(), value, out);
    } else {
      bad_field("logit_bias", "expected token ids or texts, got ", what.kind());
    }
  }
  if (out.size() > kMostBiases) bad_field("logit_bias", "expected at most ", kMostBiases, " tokens, got ", out.size());
}

}  // namespace

uint64_t request_seed(const Service& service, std::optional<int64_t> given) {
  if (given && *given != -1) return static_cast<uint64_t>(*given);
  return service.options.fixed_seed ? service.options.sampling.seed : system_seed() >> 11;
}

int read_speculation(const Fields& fields, int otherwise) {
  const Json* given = fields.find("speculation");
  if (given == nullptr) return otherwise;
  if (given->is_string() && given->as_string() == "off") return 0;
  if (given->is_string() && given->as_string() == "auto") return kAutoDrafts;
  if (given->is_string()) bad_field("speculation", "expected \"off\", \"auto\" or 0 to ", kMaxDrafts);
  return static_cast<int>(*fields.integer("speculation", 0, kMaxDrafts));
}

bool read_resumable(const Fields& fields, bool stream_by_default) {
  if (!fields.boolean("resumable").value_or(false)) return false;
  if (!fields.boolean("stream").value_or(stream_by_default))
    bad_field("resumable", "needs stream: true, only a stream can be taken up again");
  return true;
}

namespace {

bool is_zero(double value) { return value == 0; }
bool is_up_to_zero(double value) { return value <= 0; }
bool is_from_one(double value) { return value >= 1; }

struct OtherSampler {
  std::string_view name;
  bool (*is_off)(double value);
};

// Not here; clients send them with the values that turn them off.
constexpr OtherSampler kOtherSamplers[] = {
    {"mirostat", is_zero},
    {"dry_multiplier", is_zero},
    {"dynatemp_range", is_up_to_zero},
    {"top_n_sigma", is_up_to_zero},
    {"xtc_probability", is_up_to_zero},
    {"t_max_predict_ms", is_up_to_zero},
    {"typical_p", is_from_one},
    {"typ_p", is_from_one},
    {"tfs_z", is_from_one},
};

void refuse_other_samplers(const Fields& fields) {
  for (const auto& [name, is_off] : kOtherSamplers) {
    const Json* given = fields.find(name);
    if (given == nullptr || (given->is_number() && is_off(given->as_number()))) continue;
    refuse_unsupported(fields, std::span(&name, 1));
  }
}

}  // namespace

void refuse_unsupported(const Fields& fields, std::span<const std::string_view> names, std::string_view why) {
  for (const std::string_view name : names) {
    const Json* given = fields.find(name);
    if (given == nullptr || (given->is_bool() && !given->as_bool())) continue;
    if (given->is_string() && given->as_string().empty()) continue;
    if (given->is_array() && given->as_array().empty()) continue;
    bad_field(fields.path(name), why);
  }
}

void read_sampling(const Fields& fields, const Service& service, CompletionRequest& request) {
  refuse_other_samplers(fields);
  SamplingParameters& sampling = request.sampling;
  sampling = service.options.sampling;
  read(sampling.temperature, fields, "temperature", 0, 100);
  read(sampling.top_k, fields, "top_k", -1);
  read(sampling.top_p, fields, "top_p", 0, 1);
  read(sampling.min_p, fields, "min_p", 0, 1);
  read(sampling.repeat_penalty, fields, "repeat_penalty", 0.01, 100);
  read(sampling.presence_penalty, fields, "presence_penalty", -100, 100);
  read(sampling.frequency_penalty, fields, "frequency_penalty", -100, 100);
  read(sampling.penalty_window, fields, "repeat_last_n", -1);
  constexpr int64_t kAny = std::numeric_limits<int64_t>::max();
  const auto seed = fields.integer("seed", -kAny, kAny);
  sampling.seed = request_seed(service, seed);
  request.seed_is_drawn = seed.value_or(-1) == -1 && !service.options.fixed_seed;
  read_bias(fields, service, sampling.bias);
  request.stop = fields.texts("stop", kMostStops);
  std::erase(request.stop, "");
  request.ignore_end = fields.boolean("ignore_eos").value_or(false);
  request.cache_prompt = fields.boolean("cache_prompt").value_or(true);
  request.drafts = read_speculation(fields, kAutoDrafts);
  request.resumable = read_resumable(fields);
}

}  // namespace paceline
