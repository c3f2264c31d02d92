#include "text/jinja/budget.h"

namespace paceline::jinja {

namespace {

std::string describe(const std::string& kind, const std::string& message, int line) {
  return line > 0 ? cat("chat template, line ", line, ": ", kind, ": ", message)
                  : cat("chat template: ", kind, ": ", message);
}

}  // namespace

TemplateFailure::TemplateFailure(std::string kind, std::string message, int line)
    : Error(describe(kind, message, line)), kind_(std::move(kind)), message_(std::move(message)), line_(line) {}

void Budget::out_of_steps() const {
  raise("LimitExceeded", "more than ", limits_.steps, " steps; a template this slow is taken for an endless one");
}

void Budget::out_of_memory(size_t bytes) const {
  raise("LimitExceeded", "needs ", human_bytes(bytes), " beside ", human_bytes(memory_bytes_), " in use, and may use ",
        human_bytes(limits_.memory_bytes));
}

void Budget::too_deep() const {
  raise("LimitExceeded", "statements, expressions or calls nested more than ", limits_.depth, " deep");
}

void Budget::check_nesting(int nesting) const {
  if (nesting > limits_.nesting) raise("LimitExceeded", "values nested more than ", limits_.nesting, " deep");
}

}  // namespace paceline::jinja
