#pragma once
// A parsed Jinja template, set up as Transformers does for chat templates: trim_blocks, lstrip_blocks, loopcontrols, the generation tag,
// an immutable sandbox without autoescape. Immutable: threads may share one and render at the same time.
#include <ctime>
#include <string>
#include <string_view>

#include "base/json.h"
#include "text/jinja/ast.h"
#include "text/jinja/budget.h"

namespace paceline::jinja {

class Template {
 public:
  // Both throw TemplateFailure, an Error.
  static Template parse(std::string_view source, const Limits& limits = {});
  // `context`: an object with the template's variables; `now`: what strftime_now prints.
  std::string render(const Json& context, const std::tm& now) const;

 private:
  Template(Block block, const Limits& limits) : block_(std::move(block)), limits_(limits) {}

  Block block_;
  Limits limits_;
};

}  // namespace paceline::jinja
