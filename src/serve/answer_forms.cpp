#include "serve/answer_forms.h"

#include <algorithm>

#include "base/error.h"

namespace paceline {

namespace {

using constrain::AnswerForm;
using constrain::CompiledConstraint;

class FormConstraint final : public TokenConstraint {
 public:
  explicit FormConstraint(std::shared_ptr<CompiledConstraint> compiled) : state_(std::move(compiled)) {}
  std::span<const uint32_t> allowed() override { return state_.allowed(); }
  void accept(Token token) override {
    const bool accepted = state_.accept(token);
    PACELINE_ASSERT(accepted);
  }
  void rollback(int count) override { state_.rollback(count); }

 private:
  constrain::ConstraintState state_;
};

}  // namespace

std::unique_ptr<TokenConstraint> make_token_constraint(std::shared_ptr<CompiledConstraint> compiled) {
  return std::make_unique<FormConstraint>(std::move(compiled));
}

AnswerForms::AnswerForms(const Tokenizer& tokenizer, const FormLimits& limits)
    : tokenizer_(tokenizer), limits_(limits) {}

std::shared_ptr<CompiledConstraint> AnswerForms::find(const AnswerForm& form) { return look_up(form.key()); }

std::shared_ptr<CompiledConstraint> AnswerForms::look_up(const std::string& key) {
  const std::lock_guard lock(mutex_);
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return nullptr;
  kept_.splice(kept_.begin(), kept_, found->second);
  return kept_.front().constraint;
}

bool AnswerForms::compile(AnswerForm form, Done done) {
  if (++waiting_ > limits_.waiting) return --waiting_, false;
  thread_.post([this, form = std::move(form), done = std::move(done)] {
    std::shared_ptr<CompiledConstraint> constraint;
    std::string error;
    try {
      constraint = compile_now(form);
    } catch (const std::exception& problem) {
      error = problem.what();
    }
    --waiting_;
    done(constraint, error);
  });
  return true;
}

std::shared_ptr<CompiledConstraint> AnswerForms::compile_now(const AnswerForm& form) {
  std::string key = form.key();
  if (auto known = look_up(key)) return known;  // another request asked for it meanwhile
  if (!vocabulary_) vocabulary_ = std::make_shared<const constrain::ConstraintVocabulary>(tokenizer_);
  constrain::Grammar grammar = constrain::compile_answer(form);
  std::shared_ptr<CompiledConstraint> constraint;
  try {
    constraint = std::make_shared<CompiledConstraint>(std::move(grammar), vocabulary_);
    constrain::ConstraintState(constraint).allowed();  // the first mask is the dearest: not on the engine's thread
  } catch (const Error& error) {
    fail(form.content_field.empty() ? "tools" : form.content_field, ": ", error.what());
  }
  keep(std::move(key), constraint);
  return constraint;
}

void AnswerForms::keep(std::string key, std::shared_ptr<CompiledConstraint> constraint) {
  std::vector<Kept> all;
  {
    const std::lock_guard lock(mutex_);
    kept_.push_front({std::move(key), std::move(constraint)});
    by_key_[kept_.front().key] = kept_.begin();
    all.assign(kept_.begin(), kept_.end());
  }
  // Counting waits for masks that are being made, so it is done without the lock.
  size_t bytes = 0, fitting = 0;
  for (; fitting < std::min(all.size(), limits_.kept); ++fitting) {
    bytes += 2 * all[fitting].key.size() + all[fitting].constraint->memory_bytes();
    if (fitting > 0 && bytes > limits_.kept_bytes) break;
  }
  const std::lock_guard lock(mutex_);
  for (; kept_.size() > fitting; kept_.pop_back()) by_key_.erase(kept_.back().key);
}

size_t AnswerForms::kept() const {
  const std::lock_guard lock(mutex_);
  return kept_.size();
}

}  // namespace paceline
