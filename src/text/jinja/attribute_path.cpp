#include "text/jinja/attribute_path.h"

#include "text/jinja/characters.h"
#include "text/jinja/methods.h"

namespace paceline::jinja {

namespace {

Values parts_of(std::string_view path) {
  Values parts;
  for (size_t at = 0; at <= path.size();) {
    const size_t end = std::min(path.find('.', at), path.size());
    const std::string_view part = path.substr(at, end - at);
    const bool is_index =
        !part.empty() && part.size() < 18 && part.find_first_not_of("0123456789") == std::string_view::npos;
    Integer index = 0;
    for (const char c : part) index = is_index ? index * 10 + (c - '0') : 0;
    parts.push_back(is_index ? Value(index) : make_text(nullptr, std::string(part)));
    at = end + 1;
  }
  return parts;
}

}  // namespace

AttributePath::AttributePath(const Value* attribute) {
  if (attribute == nullptr || attribute->is(Kind::None)) return;
  if (attribute->is(Kind::Text)) parts_ = parts_of(attribute->text());
  else parts_ = {*attribute};
}

Value AttributePath::of(Interpreter& in, Value item, const Value* otherwise) const {
  for (const Value& part : parts_) {
    item = get_item(in, item, part);
    if (otherwise != nullptr && !otherwise->is(Kind::None) && item.is(Kind::Undefined)) item = *otherwise;
  }
  return item;
}

}  // namespace paceline::jinja
