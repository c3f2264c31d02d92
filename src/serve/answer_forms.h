#pragma once
// Forms that answers are held to (text/constrain), compiled on a thread of their own and kept for the next request that asks for the same
// one. The engine sees them as TokenConstraints: it deals in tokens only.
#include <atomic>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "engine/token_constraint.h"
#include "serve/worker.h"
#include "text/constrain/answer_grammar.h"
#include "text/constrain/token_mask.h"

namespace paceline {

// For one choice of one request.
std::unique_ptr<TokenConstraint> make_token_constraint(std::shared_ptr<constrain::CompiledConstraint> compiled);

struct FormLimits {
  size_t kept = 64;  // compiled forms
  size_t kept_bytes = size_t{96} << 20;  // of all of them with what they have learnt
  int waiting = 32;  // to be compiled
};

class AnswerForms {
 public:
  // The tokenizer outlives it.
  explicit AnswerForms(const Tokenizer& tokenizer, const FormLimits& limits = {});

  // If it has been compiled lately; else null.
  std::shared_ptr<constrain::CompiledConstraint> find(const constrain::AnswerForm& form);
  // Compiles the form and calls `done` on the compiling thread with the constraint, or with null and what is wrong with the form. Does
  // nothing and returns false when too many wait.
  using Done = std::function<void(const std::shared_ptr<constrain::CompiledConstraint>&, const std::string& error)>;
  bool compile(constrain::AnswerForm form, Done done);

  size_t kept() const;

 private:
  struct Kept {
    std::string key;
    std::shared_ptr<constrain::CompiledConstraint> constraint;
  };
  std::shared_ptr<constrain::CompiledConstraint> look_up(const std::string& key);
  std::shared_ptr<constrain::CompiledConstraint> compile_now(const constrain::AnswerForm& form);
  void keep(std::string key, std::shared_ptr<constrain::CompiledConstraint> constraint);

  const Tokenizer& tokenizer_;
  const FormLimits limits_;
  std::shared_ptr<const constrain::ConstraintVocabulary> vocabulary_;  // the compiling thread's; made when first needed
  mutable std::mutex mutex_;  // for what follows
  std::list<Kept> kept_;  // the latest used first
  std::unordered_map<std::string, std::list<Kept>::iterator> by_key_;
  std::atomic<int> waiting_ = 0;
  Worker thread_;  // last: ends before anything it uses goes
};

}  // namespace paceline
