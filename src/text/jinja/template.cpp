#include "text/jinja/template.h"

#include "base/utf8.h"
#include "text/jinja/interpreter.h"
#include "text/jinja/parser.h"

namespace paceline::jinja {

Template Template::parse(std::string_view source, const Limits& limits) {
  if (!is_valid_utf8(source)) throw TemplateFailure("TemplateSyntaxError", "the template is not valid UTF-8", 0);
  return Template(parse_template(source, limits), limits);
}

std::string Template::render(const Json& context, const std::tm& now) const {
  Budget budget(limits_);
  Interpreter interpreter(budget, now);
  return interpreter.render(block_, context);
}

}  // namespace paceline::jinja
