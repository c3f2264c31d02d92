#include "engine/sequence.h"

namespace paceline {

void check_prompt(std::span<const Token> prompt, int context, int vocab_size) {
  if (prompt.empty()) fail("the prompt has no tokens, expected at least one");
  if (prompt.size() >= static_cast<size_t>(context))
    fail("the prompt has ", prompt.size(), " tokens, expected fewer than the context of ", context, " (-c)");
  for (const Token token : prompt)
    if (token < 0 || token >= vocab_size) fail("prompt token ", token, " is outside the vocabulary of ", vocab_size);
}

Sequence::Sequence(Device& device, const Model& model, const StateShape& shape, std::span<const Token> prompt,
                   SamplingParameters sampling)
    : parameters(std::move(sampling)), state(device, shape) {
  check_prompt(prompt, shape.max_length, model.facts().vocab_size);
  // The step path allocates nothing: drafts are appended while they are being judged.
  tokens.reserve(static_cast<size_t>(shape.max_length + shape.max_generate_rows + 1));
  tokens.assign(prompt.begin(), prompt.end());
  prompt_length = static_cast<int>(prompt.size());
  drafts.reserve(static_cast<size_t>(shape.max_generate_rows));
  kept_hidden = device.allocate(DType::F32, shape.max_generate_rows, model.facts().width);
}

void Sequence::restart(std::span<const Token> prompt, SamplingParameters sampling) {
  PACELINE_ASSERT(!prompt.empty() && prompt.size() < static_cast<size_t>(state.shape().max_length));
  parameters = std::move(sampling);
  tokens.assign(prompt.begin(), prompt.end());
  prompt_length = static_cast<int>(prompt.size());
  stop_tokens.clear();
  constraint = nullptr;
  exhausted = false;
  state.reset();
  drafts.clear();
  draft_budget = 0;
  prompt_budget = std::numeric_limits<int>::max();
  kept_count = 0;
  stats = {};
}

}  // namespace paceline
