#pragma once
// What the endpoints work with: the model that is served, its words and its template, the engine, the defaults from the command line.
#include <chrono>
#include <memory>
#include <string>

#include "engine/engine.h"
#include "gguf/reader.h"
#include "serve/answer_forms.h"
#include "serve/metrics.h"
#include "serve/stream_store.h"
#include "serve/worker.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace paceline {

struct ServiceOptions {
  std::string model_name;  // what clients call it: --alias, or the file's name without .gguf
  std::string version;
  SamplingParameters sampling;  // where a request says nothing
  bool fixed_seed = false;  // --seed was given: requests without a seed take sampling.seed
  int max_tokens = -1;  // the same
  int most_choices = 16;  // n of a request
};

struct Service {
  const GgufFile& file;
  const Tokenizer& tokenizer;
  const ChatTemplate* chat_template;  // null: the model has none
  std::string template_source;
  Engine& engine;
  ServiceOptions options;
  Metrics& metrics;
  StreamStore& streams;
  Worker& worker;
  AnswerForms& forms;
  std::chrono::system_clock::time_point started = std::chrono::system_clock::now();
};

}  // namespace paceline
