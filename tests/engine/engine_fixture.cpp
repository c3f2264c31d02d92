#include "engine/engine_fixture.h"

#include <cstring>

#include "base/random.h"
#include "engine/runner.h"

namespace paceline::test {

LoadedModel::LoadedModel(const std::string& name, const std::string& device_kind, int split) {
  file = std::make_unique<GgufFile>(GgufFile::open(std::string(PACELINE_TEST_DATA "/golden/") + name));
  device = open_test_device({{.kind = device_kind, .threads = 2, .isa = ""}, split, "reference"});
  model = load_model(*file, *device, {.max_batch_rows = Engine::model_rows({}), .on_progress = {}});
}

std::vector<Token> random_prompt(const Model& model, uint64_t seed, int length) {
  std::vector<Token> prompt;
  for (int i = 0; i < length; ++i)
    prompt.push_back(static_cast<Token>(random_word(seed, static_cast<uint64_t>(i)) %
                                        static_cast<uint64_t>(model.facts().vocab_size)));
  return prompt;
}

SamplingParameters sampling(float temperature, uint64_t seed) {
  SamplingParameters parameters;
  parameters.temperature = temperature;
  parameters.seed = seed;
  if (seed % 2 == 1) parameters.repeat_penalty = 1.1f, parameters.presence_penalty = 0.2f;
  return parameters;
}

Answer answer_alone(LoadedModel& loaded, const Question& question) {
  Model& model = *loaded.model;
  const int context = static_cast<int>(question.prompt.size()) + question.max_tokens + 1;
  Sequence sequence(*loaded.device, model, model.state_shape(context, 1, {}), question.prompt, question.sampling);
  Runner runner(*loaded.device, model, nullptr, {.max_prompt_rows = 512, .max_sequences = 1, .max_drafts = 0});
  Answer answer;
  runner.on_logits = [&](const Sequence&, int position, std::span<const float> logits, Token) {
    answer.bits[position] = hash_bits(logits);
  };
  Sequence* const sequences[] = {&sequence};
  while (sequence.output().size() < static_cast<size_t>(question.max_tokens)) runner.step(sequences);
  answer.tokens.assign(sequence.output().begin(), sequence.output().end());
  return answer;
}

Request to_request(const Question& question, int drafts) {
  Request request;
  request.prompt = question.prompt;
  request.sampling = question.sampling;
  request.max_tokens = question.max_tokens;
  request.drafts = drafts;
  request.stable_positions = question.stable_positions;
  return request;
}

Received receive(RequestHandle& request) {
  Received received;
  while (true) {
    Event event = request.next();
    if (event.kind == Event::Kind::Finished) {
      received.finished = std::move(event);
      return received;
    }
    if (event.kind == Event::Kind::NewToken) received.tokens.push_back(event.token);
    received.events.push_back(std::move(event));
  }
}

}  // namespace paceline::test
