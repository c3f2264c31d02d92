#pragma once
// A golden model behind an engine, and what a request gives alone: the yardstick of every engine test.
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "support/hash_bits.h"
#include "support/test_device.h"

namespace paceline::test {

struct LoadedModel {
  // The first `split` blocks are on the reference device.
  explicit LoadedModel(const std::string& name, const std::string& device_kind = "cpu", int split = 0);
  std::unique_ptr<GgufFile> file;
  std::unique_ptr<Device> device;
  std::unique_ptr<Model> model;
};

// Requests that are copied: what a test asks for, several times.
struct Question {
  std::vector<Token> prompt;
  SamplingParameters sampling;
  int max_tokens = 40;
  std::vector<int> stable_positions;
};

struct Answer {
  std::vector<Token> tokens;
  std::map<int, uint64_t> bits;  // position -> hash of the logits its token was chosen from
};

// Pseudo-random tokens that the model has.
std::vector<Token> random_prompt(const Model& model, uint64_t seed, int length);
SamplingParameters sampling(float temperature, uint64_t seed);

// By a runner of its own, one sequence, no drafts.
Answer answer_alone(LoadedModel& loaded, const Question& question);

Request to_request(const Question& question, int drafts = kAutoDrafts);

// Everything until Finished.
struct Received {
  std::vector<Token> tokens;
  std::vector<Event> events;
  Event finished;
};
Received receive(RequestHandle& request);

}  // namespace paceline::test
