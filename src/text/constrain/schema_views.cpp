// SchemaShapes: the keywords of all schemas of a shape, joined per type of value.
#include <algorithm>

#include "base/error.h"
#include "text/constrain/schema_shapes.h"

namespace paceline::constrain {

namespace {

void add_to(SchemaSet& set, SchemaId id) {
  const auto at = std::lower_bound(set.begin(), set.end(), id);
  if (at == set.end() || *at != id) set.insert(at, id);
}

// Those of JSON Schema that format_language() does not have. Others are remarks.
const std::set<std::string_view> kOtherFormats = {
    "regex",        "idn-email",    "idn-hostname",          "iri", "iri-reference", "uri-reference",
    "uri-template", "json-pointer", "relative-json-pointer",
};

double as_double(const NumberBound& bound) { return std::stod(bound.decimal); }

void tighten(std::optional<uint64_t>& maximum, uint64_t value) { maximum = std::min(maximum.value_or(value), value); }

}  // namespace

NumberRange SchemaShapes::numbers(const Shape& shape) {
  NumberRange range;
  range.integer = (shape.types & kFraction) == 0;
  const auto tighten_bound = [&](SchemaId id, const char* name, bool exclusive, bool upper, const Json& value) {
    if (!value.is_number()) refuse(id, name, "expected a number, got ", value.kind());
    NumberBound bound;
    bound.exclusive = exclusive;
    try {
      bound.decimal = value.is_integer() ? value.dump() : plain_decimal(value.as_number());
    } catch (const Error& error) {
      refuse(id, name, error.what());
    }
    std::optional<NumberBound>& present = upper ? range.maximum : range.minimum;
    const double sign = upper ? -1 : 1;
    const bool tighter = !present || sign * as_double(bound) > sign * as_double(*present) ||
                         (as_double(bound) == as_double(*present) && exclusive);
    if (tighter) present = bound;
  };
  for (const SchemaId id : shape.schemas) {
    for (const bool upper : {false, true}) {
      const char* plain = upper ? "maximum" : "minimum";
      const char* exclusive = upper ? "exclusiveMaximum" : "exclusiveMinimum";
      const Json* strict = keyword(id, exclusive);
      const bool old_style = strict && strict->is_bool();  // draft 4: a flag of minimum
      if (const Json* value = keyword(id, plain))
        tighten_bound(id, plain, old_style && strict->as_bool(), upper, *value);
      if (strict && !old_style) tighten_bound(id, exclusive, true, upper, *strict);
    }
    const Json* divisor = keyword(id, "multipleOf");
    if (!divisor) continue;
    if (!divisor->is_number() || divisor->as_number() <= 0) refuse(id, "multipleOf", "expected a number above 0");
    if (!range.integer) refuse(id, "multipleOf", "is supported with \"type\": \"integer\" only");
    if (!divisor->is_integer() || divisor->as_number() > 1000)
      refuse(id, "multipleOf", "is supported for whole numbers from 1 to 1000");
    const uint32_t value = static_cast<uint32_t>(divisor->as_integer());
    if (range.multiple_of != 1 && range.multiple_of != value)
      refuse(id, "multipleOf", "two of them at once are not supported");
    range.multiple_of = value;
  }
  return range;
}

const TextLanguage& SchemaShapes::pattern(SchemaId id, std::string_view keyword, const std::string& text) {
  const auto known = patterns_.find(text);
  if (known != patterns_.end()) return known->second;
  try {
    return patterns_.emplace(text, TextLanguage::pattern(text)).first->second;
  } catch (const Error& error) {
    refuse(id, keyword, error.what());
  }
}

StringView SchemaShapes::strings(const Shape& shape) {
  StringView view;
  for (const SchemaId id : shape.schemas) {
    if (const Json* value = keyword(id, "minLength"))
      view.minimum = std::max(view.minimum, count(id, "minLength", *value));
    if (const Json* value = keyword(id, "maxLength")) tighten(view.maximum, count(id, "maxLength", *value));
    const auto restrict = [&](const char* name, const TextLanguage& language) {
      try {
        view.content = view.content ? view.content->both(language) : language;
      } catch (const Error& error) {
        refuse(id, name, error.what());
      }
    };
    if (const Json* value = keyword(id, "pattern")) {
      if (!value->is_string()) refuse(id, "pattern", "expected a string, got ", value->kind());
      restrict("pattern", pattern(id, "pattern", value->as_string()));
    }
    if (const Json* value = keyword(id, "format")) {
      if (!value->is_string()) refuse(id, "format", "expected a string, got ", value->kind());
      const std::optional<TextLanguage> language = format_language(value->as_string());
      if (!language && kOtherFormats.contains(value->as_string())) {
        refuse(
            id, "format", "\"", value->as_string(),
            "\" is not supported; known are date, time, date-time, duration, email, hostname, ipv4, ipv6, uri, uuid");
      }
      if (language) restrict("format", *language);
    }
  }
  if (view.content && (view.minimum > 0 || view.maximum)) {
    view.content = view.content->both(TextLanguage::length(view.minimum, view.maximum));
  }
  return view;
}

ArrayView SchemaShapes::arrays(const Shape& shape) {
  ArrayView view;
  struct Part {
    SchemaId id;
    const Json::Array* first = nullptr;
    const char* first_name = "prefixItems";
    const Json* rest = nullptr;
    const char* rest_name = "items";
  };
  std::vector<Part> parts;
  size_t longest = 0;
  for (const SchemaId id : shape.schemas) {
    Part part{id};
    const Json* items = keyword(id, "items");
    const Json* first = keyword(id, "prefixItems");
    if (items && items->is_array()) {
      if (first) refuse(id, "items", "is an array, and prefixItems is there too");
      first = items, part.first_name = "items";
      items = keyword(id, "additionalItems"), part.rest_name = "additionalItems";
    }
    if (first) {
      if (!first->is_array()) refuse(id, "prefixItems", "expected an array of schemas, got ", first->kind());
      part.first = &first->as_array();
      longest = std::max(longest, part.first->size());
    }
    part.rest = items;
    parts.push_back(part);
    if (const Json* value = keyword(id, "minItems"))
      view.minimum = std::max(view.minimum, count(id, "minItems", *value));
    if (const Json* value = keyword(id, "maxItems")) tighten(view.maximum, count(id, "maxItems", *value));
  }
  for (const SchemaId id : shape.schemas) {
    const Json* unique = keyword(id, "uniqueItems");
    if (!unique || (unique->is_bool() && !unique->as_bool())) continue;
    if (!view.maximum || *view.maximum > 1) refuse(id, "uniqueItems", "cannot be enforced while text is written");
  }
  view.first.resize(longest);
  for (const Part& part : parts) {
    const size_t length = part.first ? part.first->size() : 0;
    for (size_t i = 0; i < longest; ++i) {
      if (i < length) add_to(view.first[i], child(part.id, cat(part.first_name, "/", i), (*part.first)[i]));
      else if (part.rest) add_to(view.first[i], child(part.id, part.rest_name, *part.rest));
    }
    if (part.rest) add_to(view.rest, child(part.id, part.rest_name, *part.rest));
  }
  return view;
}

SchemaSet SchemaShapes::property_set(const Shape& shape, const std::string& name, bool& possible) {
  SchemaSet set;
  possible = !shape.forbidden.contains(name);
  for (const SchemaId id : shape.schemas) {
    bool named = false;
    const Json* properties = keyword(id, "properties");
    if (const Json* schema = properties ? properties->find(name) : nullptr) {
      named = true;
      add_to(set, child(id, "properties/" + escaped(name), *schema));
    }
    if (const Json* patterns = keyword(id, "patternProperties"); patterns && patterns->is_object()) {
      for (const JsonMember& member : patterns->as_object().members()) {
        if (!pattern(id, "patternProperties", member.key).contains(name)) continue;
        named = true;
        add_to(set, child(id, "patternProperties/" + escaped(member.key), member.value));
      }
    }
    const Json* additional = keyword(id, "additionalProperties");
    if (additional && !named) add_to(set, child(id, "additionalProperties", *additional));
  }
  for (const SchemaId id : set) {
    if (schemas_[id].json->is_bool() && !schemas_[id].json->as_bool()) possible = false;
  }
  return set;
}

std::optional<TextLanguage> SchemaShapes::names(const Shape& shape) {
  std::optional<TextLanguage> result;
  for (const SchemaId id : shape.schemas) {
    const Json* schema = keyword(id, "propertyNames");
    if (!schema) continue;
    TextLanguage allowed = TextLanguage::one_of({});
    for (const Shape& way : std::vector<Shape>(expand({child(id, "propertyNames", *schema)}))) {
      if ((way.types & kString) == 0) continue;
      if (way.values) {
        std::vector<std::string> texts;
        for (const Json& value : *way.values) {
          if (value.is_string()) texts.push_back(value.as_string());
        }
        allowed = allowed.either(TextLanguage::one_of(texts));
        continue;
      }
      const StringView view = strings(way);
      allowed = allowed.either(view.content ? *view.content : TextLanguage::length(view.minimum, view.maximum));
    }
    result = result ? result->both(allowed) : allowed;
  }
  return result;
}

bool SchemaShapes::closes(const Shape& shape, const ObjectView& view) const {
  const auto possible =
      std::count_if(view.known.begin(), view.known.end(), [](const auto& one) { return one.possible; });
  if (objects_ == Objects::Open || view.minimum > static_cast<uint64_t>(possible)) return false;
  bool names_some = false;
  for (const SchemaId id : shape.schemas) {
    if (keyword(id, "additionalProperties") != nullptr) return false;
    names_some |= keyword(id, "properties") != nullptr || keyword(id, "patternProperties") != nullptr;
  }
  return names_some;
}

ObjectView SchemaShapes::objects(const Shape& shape) {
  ObjectView view;
  const std::optional<TextLanguage> allowed_names = names(shape);
  std::vector<std::string> known;
  std::set<std::string> seen;
  const auto add_known = [&](const std::string& name) {
    if (seen.insert(name).second) known.push_back(name);
  };
  std::vector<std::pair<SchemaId, std::string>> patterns;
  for (const SchemaId id : shape.schemas) {
    if (const Json* value = keyword(id, "properties")) {
      if (!value->is_object()) refuse(id, "properties", "expected an object, got ", value->kind());
      for (const JsonMember& member : value->as_object().members()) add_known(member.key);
    }
    if (const Json* value = keyword(id, "patternProperties")) {
      if (!value->is_object()) refuse(id, "patternProperties", "expected an object, got ", value->kind());
      for (const JsonMember& member : value->as_object().members()) patterns.emplace_back(id, member.key);
    }
    if (const Json* value = keyword(id, "minProperties"))
      view.minimum = std::max(view.minimum, count(id, "minProperties", *value));
    if (const Json* value = keyword(id, "maxProperties")) tighten(view.maximum, count(id, "maxProperties", *value));
  }
  for (const std::string& name : shape.required) add_known(name);
  for (const std::string& name : shape.forbidden) add_known(name);
  const std::set<std::string> required(shape.required.begin(), shape.required.end());
  for (const std::string& name : known) {
    work();
    ObjectView::Property property{name, {}, required.contains(name), true};
    property.schemas = property_set(shape, name, property.possible);
    if (allowed_names && !allowed_names->contains(name)) property.possible = false;
    view.known.push_back(std::move(property));
  }
  if (patterns.size() > 6) refuse(patterns[0].first, "patternProperties", "more than 6 patterns for one object");
  // Other names, by which of the patterns they match.
  for (uint32_t matched = 0; matched < 1u << patterns.size(); ++matched) {
    ObjectView::Others others;
    std::set<SchemaId> named;
    bool possible = true;
    if (allowed_names) others.names = allowed_names;
    for (size_t i = 0; i < patterns.size(); ++i) {
      const auto& [id, text] = patterns[i];
      const TextLanguage& language = pattern(id, "patternProperties", text);
      const TextLanguage part = (matched >> i & 1) != 0 ? language : language.complement();
      others.names = others.names ? others.names->both(part) : part;
      if ((matched >> i & 1) == 0) continue;
      named.insert(id);
      const Json& schema = keyword(id, "patternProperties")->at(text);
      add_to(others.schemas, child(id, "patternProperties/" + escaped(text), schema));
    }
    for (const SchemaId id : shape.schemas) {
      const Json* additional = keyword(id, "additionalProperties");
      if (additional && !named.contains(id)) add_to(others.schemas, child(id, "additionalProperties", *additional));
    }
    for (const SchemaId id : others.schemas)
      possible = possible && !(schemas_[id].json->is_bool() && !schemas_[id].json->as_bool());
    if (!possible || (matched == 0 && closes(shape, view))) continue;
    if (!known.empty()) others.names = others.names.value_or(TextLanguage::any()).without(TextLanguage::one_of(known));
    if (!others.names || !others.names->empty()) view.others.push_back(std::move(others));
  }
  return view;
}

}  // namespace paceline::constrain
