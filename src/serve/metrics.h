#pragma once
// Counters and histograms for /metrics, in Prometheus' text form (version 0.0.4). Names beginning with llamacpp: are llama.cpp's, for the
// dashboards that exist.
#include <array>
#include <atomic>
#include <map>
#include <mutex>
#include <string>

#include "engine/engine.h"
#include "serve/stream_store.h"

namespace paceline {

class Metrics {
 public:
  void count_request(const std::string& route, int status);
  // A finished answer.
  void count_answer(const RequestStats& stats);
  std::string page(const EngineStats& engine, const StreamStore& streams, int connections) const;

 private:
  struct Histogram {
    static constexpr std::array<double, 17> kBounds = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                                       0.5,    1,     2.5,    5,     10,   30,    60,   120};
    std::array<uint64_t, kBounds.size() + 1> counts{};
    double sum = 0;
    void add(double value);
    void write(std::string& out, const std::string& name, const std::string& help) const;
  };

  mutable std::mutex mutex_;
  std::map<std::pair<std::string, int>, uint64_t> requests_;
  Histogram first_token_, per_token_;
  double prompt_seconds_ = 0, generation_seconds_ = 0;
};

}  // namespace paceline
