#include "engine/sequence.h"

namespace paceline {

Sequence::Sequence(Device& device, const Model& model, const StateShape& shape, std::span<const Token> prompt,
                   SamplingParameters sampling)
    : parameters(std::move(sampling)), state(device, shape) {
  if (prompt.empty()) fail("the prompt has no tokens, expected at least one");
  if (prompt.size() >= static_cast<size_t>(shape.max_length))
    fail("the prompt has ", prompt.size(), " tokens, expected fewer than the context of ", shape.max_length, " (-c)");
  for (const Token token : prompt)
    if (token < 0 || token >= model.facts().vocab_size)
      fail("prompt token ", token, " is outside the vocabulary of ", model.facts().vocab_size);
  // The step path allocates nothing: drafts are appended while they are being judged.
  tokens.reserve(static_cast<size_t>(shape.max_length + shape.max_generate_rows + 1));
  tokens.assign(prompt.begin(), prompt.end());
  prompt_length = static_cast<int>(prompt.size());
  drafts.reserve(static_cast<size_t>(shape.max_generate_rows));
  kept_hidden = device.allocate(DType::F32, shape.max_generate_rows, model.facts().width);
}

}  // namespace paceline
