#pragma once
// Outputs of models, well-formed and not, with what they mean: a list written by hand, one drawn from a seed, and recorded ones.
#include <string>
#include <vector>

#include "text/output_parser.h"

namespace paceline::testing {

struct OutputSample {
  std::string name, text;
  OutputFormat format;
  std::vector<OutputEvent> events;  // neighbours of one kind joined
};

OutputEvent reasoning(std::string text);
OutputEvent answer(std::string text);
OutputEvent call(std::string name, std::string_view arguments);  // JSON

// Appends `more`, joining neighbours of one kind.
void join(std::vector<OutputEvent>& events, std::vector<OutputEvent> more);

OutputFormat with_tools(bool starts_in_reasoning);

std::vector<OutputSample> written_samples();
std::vector<OutputSample> drawn_samples(int count);
// What models wrote (tests/data/outputs), with the events of the whole text in one push.
std::vector<OutputSample> recorded_samples();

}  // namespace paceline::testing
