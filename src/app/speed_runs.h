#pragma once
// Runs the tasks of `paceline bench` in every mode, in turns, so that a machine that slows down slows all of them; checks that all modes
// give the same tokens.
#include <functional>

#include "app/bench_runs.h"
#include "app/speed_tasks.h"

namespace paceline {

// How drafts are made: "plain", "n=1" … "auto".
struct SpeedMode {
  std::string name;
  int drafts = 0;
  bool adapts = false;
  int lookup_drafts = 0;
};

// The modes a session's flags and model allow: all of them, or plain and the one that --mtp or --lookup asks for.
std::vector<SpeedMode> speed_modes(const Arguments& arguments, const Session& session);

struct SpeedResult {
  std::string task, mode;
  int prompt_tokens = 0, tokens = 0;
  Samples tokens_per_s, prompt_tokens_per_s;
  Samples speed_up;  // each run against the plain run beside it
  double tokens_per_pass = 0;
  std::vector<double> acceptance;  // of the head's drafts, by position
  double lookup_share = 0;  // of the tokens, those copied from the text
  bool paused = false;  // plain decoding was found faster
  double milliseconds_per_token() const { return 1e3 / tokens_per_s.median(); }
};

struct SpeedOptions {
  int repetitions = 3;
  int tokens = 128;  // of an answer, at most
  std::string suite;  // instead of the everyday tasks, see suite_tasks()
  int questions = 2;  // of each of its categories
};

// What a draft of the head costs beside the pass that verifies it, medians over a fixed depth; 0: no mode has one.
struct DraftCost {
  int rows = 0;  // of the pass
  double draft_seconds = 0, pass_seconds = 0;
};

struct SpeedReport {
  std::string model, machine;
  int repetitions = 0;
  bool texts_compared = true;  // and found the same in all modes
  std::vector<std::string> tasks, modes;
  std::vector<SpeedResult> results;  // task by task, mode by mode
  DraftCost draft_cost{};
  const SpeedResult& at(size_t task, size_t mode) const { return results[task * modes.size() + mode]; }
};

// Throws Error when two modes differ in a token. `progress` gets the share done.
SpeedReport run_speed(Session& session, const std::vector<SpeedMode>& modes, const SpeedOptions& options,
                      const std::function<void(double)>& progress);

}  // namespace paceline
