#include "app/prompt_text.h"

#include "app/console.h"
#include "base/error.h"

namespace paceline {

std::string prompt_text(const Arguments& arguments) {
  const auto given = arguments.text("prompt");
  const auto file = arguments.text("prompt_file");
  if (given && file) throw UsageError("-p and -f both give a prompt, expected one of them");
  if (given) return *given;
  return file ? read_file(*file) : read_input();
}

std::string model_name(const Arguments& arguments) {
  if (arguments.positional().empty()) return arguments.required_text("model");
  if (arguments.has("model")) throw UsageError("-m and MODEL both name a model, expected one of them");
  return arguments.positional()[0];
}

}  // namespace paceline
