#pragma once
// Drives the engine as many clients at once would, in process and in several modes, and checks that every request has the same tokens in
// all of them.
#include <functional>

#include "app/bench_runs.h"
#include "app/load_workload.h"
#include "base/json.h"
#include "engine/engine.h"

namespace paceline {

struct LoadMode {
  std::string name;  // "1 client, plain"
  int clients = 1;
  int drafts = 0;  // kAutoDrafts: as many as pay
};

// One client without drafts (unless requests arrive by themselves), all clients without, and all with what --mtp asks for.
std::vector<LoadMode> load_modes(const Session& session, const Workload& workload, int clients);
// Of the engine for a mode; also what the model must be loaded for.
EngineOptions load_engine_options(const GeneratorOptions& options, int clients, int context, bool reuses_prefixes);

struct LoadResult {
  LoadMode mode;
  Samples tokens_per_s;  // one a repetition: answer tokens by the time from start to the last answer's end
  Samples speed_up;  // each against the first mode beside it
  // One a request and repetition.
  Samples first_token_s;  // from arrival
  Samples token_s;  // between tokens, on average
  Samples longest_gap_s;
  double tokens_per_pass = 0;
  std::vector<double> acceptance;  // by position
  double requests_per_step = 0;  // that a pass over the weights served, on average
  double cached_share = 0;  // of the prompt tokens
};

struct LoadReport {
  std::string model, machine, workload;
  int clients = 1, repetitions = 1;
  std::vector<LoadResult> results;
};

LoadReport run_load(Session& session, const Workload& workload, const std::vector<LoadMode>& modes, int repetitions,
                    const std::function<void(double)>& progress);

std::string load_markdown(const LoadReport& report);
Json load_json(const LoadReport& report);
std::string load_csv(const LoadReport& report);
// Three panels: tokens per second, time to the first token, time per token.
std::string load_chart(const LoadReport& report);

double percentile(const Samples& samples, double share);

// paceline bench --clients N.
int bench_clients(const Arguments& arguments, int prompt_tokens);

}  // namespace paceline
