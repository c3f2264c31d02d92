#include "engine/prompt_logits.h"

#include <algorithm>

namespace paceline {

namespace {

class Evaluation {
 public:
  Evaluation(Device& device, Model& model, std::span<const Token> prompt, KvTypes types, int max_rows)
      : device_(device),
        model_(model),
        prompt_(prompt),
        max_rows_(max_rows),
        state_(device, model.state_shape(static_cast<int>(prompt.size()) + PromptLogits::kChainRows + 1, 1, types)) {
    tokens_ = device.allocate(DType::I32, max_rows, 1);
    logits_ = device.allocate(DType::F32, max_rows, model.facts().vocab_size);
    hidden_ = device.allocate(DType::F32, static_cast<int>(prompt.size()) + 1, model.facts().width);
    work_ = device.allocate(DType::F32, max_rows, model.facts().width);
  }

  PromptLogits run(std::span<const Token> chain_inputs) {
    run_trunk();
    if (model_.facts().has_draft_head) run_draft(chain_inputs);
    return std::move(result_);
  }

 private:
  static Token most_likely(std::span<const float> logits) {
    return static_cast<Token>(std::max_element(logits.begin(), logits.end()) - logits.begin());
  }

  std::span<const float> last_row(const std::vector<float>& rows) const {
    return std::span(rows).last(static_cast<size_t>(model_.facts().vocab_size));
  }

  Tensor upload(std::span<const Token> tokens) {
    const Tensor rows = tokens_.row_range(0, static_cast<int>(tokens.size()));
    device_.write(rows, tokens.data());
    return rows;
  }

  void append(std::vector<float>& out, Tensor hidden, void (Model::*head)(Tensor, Tensor)) {
    const Tensor rows = logits_.row_range(0, hidden.rows);
    (model_.*head)(rows, hidden);
    out.resize(out.size() + static_cast<size_t>(rows.rows) * static_cast<size_t>(rows.cols));
    device_.read(out.data() + out.size() - static_cast<size_t>(rows.rows) * static_cast<size_t>(rows.cols), rows);
  }

  void run_trunk() {
    const int count = static_cast<int>(prompt_.size());
    for (int first = 0; first < count; first += max_rows_) {
      const int rows = std::min(max_rows_, count - first);
      const Segment segment{&state_, 0, rows, first, Phase::Prompt};
      const Tensor hidden = hidden_.row_range(first, rows);
      const Batch batch{upload(prompt_.subspan(static_cast<size_t>(first), static_cast<size_t>(rows))),
                        std::span(&segment, 1)};
      begin_steps(batch);
      model_.forward(batch, hidden);
      state_.commit(rows);
      append(result_.trunk, hidden, &Model::logits);
    }
  }

  // Rows of the draft block: tokens with the hidden states before them, first label `position`. Leaves the block's own states in work_.
  void run_draft_rows(std::span<const Token> tokens, Tensor hidden, int position) {
    const int rows = static_cast<int>(tokens.size());
    const Tensor work = work_.row_range(0, rows);
    if (hidden.data != work.data) {
      std::vector<int> order(static_cast<size_t>(rows));
      for (int i = 0; i < rows; ++i) order[static_cast<size_t>(i)] = i;
      device_.gather_rows(work, hidden, order);
    }
    const Segment segment{&state_, 0, rows, position, Phase::Prompt};
    model_.draft({upload(tokens), std::span(&segment, 1)}, work, 0);
    append(result_.draft, work, &Model::draft_logits);
  }

  void run_draft(std::span<const Token> chain_inputs) {
    PACELINE_ASSERT(chain_inputs.empty() || chain_inputs.size() == PromptLogits::kChainRows);
    const int count = static_cast<int>(prompt_.size());
    for (int first = 1; first < count; first += max_rows_) {
      const int rows = std::min(max_rows_, count - first);
      run_draft_rows(prompt_.subspan(static_cast<size_t>(first), static_cast<size_t>(rows)),
                     hidden_.row_range(first - 1, rows), first - 1);
    }
    Token token = most_likely(last_row(result_.trunk));
    for (int i = 0; i < PromptLogits::kChainRows; ++i) {
      if (!chain_inputs.empty()) token = chain_inputs[static_cast<size_t>(i)];
      const Tensor hidden = i == 0 ? hidden_.row_range(count - 1, 1) : work_.row_range(0, 1);
      run_draft_rows(std::span(&token, 1), hidden, count - 1 + i);
      token = most_likely(last_row(result_.draft));
      result_.chain.push_back(token);
    }
  }

  Device& device_;
  Model& model_;
  std::span<const Token> prompt_;
  int max_rows_;
  SequenceState state_;
  OwnedTensor tokens_, logits_, hidden_, work_;
  PromptLogits result_;
};

}  // namespace

PromptLogits compute_prompt_logits(Device& device, Model& model, std::span<const Token> prompt, KvTypes types,
                                   int max_rows, std::span<const Token> chain_inputs) {
  return Evaluation(device, model, prompt, types, max_rows).run(chain_inputs);
}

}  // namespace paceline
