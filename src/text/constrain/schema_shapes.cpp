#include "text/constrain/schema_shapes.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "base/error.h"
#include "text/constrain/work_budget.h"

namespace paceline::constrain {

namespace {

constexpr size_t kMostBranches = 256;
constexpr uint64_t kMostWork = 2'000'000;
constexpr int kMostReferences = 64;  // one leading to the next
constexpr int kMostExpansions = 64;  // inside each other

// Keywords that restrict values in ways that are not enforced here, of all drafts. What no draft knows is a remark, as JSON Schema has it.
const std::set<std::string_view> kNotEnforced = {
    "if",      "contains", "unevaluatedItems", "unevaluatedProperties", "$dynamicRef", "$recursiveRef",
    "extends", "disallow", "divisibleBy",
};

const std::set<std::string_view> kEnforced = {
    "type",
    "enum",
    "const",
    "$ref",
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "nullable",
    "required",
    "dependentRequired",
    "dependentSchemas",
    "dependencies",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "pattern",
    "format",
    "items",
    "prefixItems",
    "additionalItems",
    "minItems",
    "maxItems",
    "uniqueItems",
    "properties",
    "patternProperties",
    "additionalProperties",
    "propertyNames",
    "minProperties",
    "maxProperties",
};

// A remark that is one letter from a keyword is a keyword with a mistake in it. "": it is not.
std::string_view meant_keyword(std::string_view word) {
  if (kEnforced.contains(word)) return "";
  for (const std::string_view keyword : kEnforced) {
    if (keyword.size() < 5 || word.size() + 1 < keyword.size() || word.size() > keyword.size() + 1) continue;
    if (equal_ignoring_case(word, keyword) || edit_distance(word, keyword) == 1) return keyword;
  }
  return "";
}

uint8_t type_of(const Json& value) {
  if (value.is_null()) return kNull;
  if (value.is_bool()) return kBoolean;
  if (value.is_string()) return kString;
  if (value.is_array()) return kArray;
  if (value.is_object()) return kObject;
  if (value.is_integer()) return kInteger;
  const double number = value.as_number();
  return number == static_cast<double>(static_cast<int64_t>(std::clamp(number, -9e18, 9e18))) || std::abs(number) > 9e15
             ? kInteger
             : kFraction;
}

void add_to(SchemaSet& set, SchemaId id) {
  const auto at = std::lower_bound(set.begin(), set.end(), id);
  if (at == set.end() || *at != id) set.insert(at, id);
}

}  // namespace

std::string escaped(std::string_view step) {
  std::string out;
  for (const char c : step) {
    if (c == '~') out += "~0";
    else if (c == '/') out += "~1";
    else out += c;
  }
  return out;
}

// One way through the alternatives. `ways` are the references that lead to each schema still to be looked at.
struct SchemaShapes::Branch {
  struct Todo {
    SchemaId id;
    std::vector<SchemaId> way;
  };
  Shape shape;
  std::vector<Todo> todo;
  std::set<SchemaId> done;
  std::vector<SchemaId> way;  // to the schema looked at now

  void add(SchemaId id) {
    std::vector<SchemaId> path = way;
    todo.push_back({id, std::move(path)});
  }
};

SchemaShapes::SchemaShapes(const Json& root, Objects objects) : root_(root), objects_(objects) {
  const Json* version = root.find("$schema");
  if (version && version->is_string()) {
    if (version->as_string().find("json-schema.org/") == std::string::npos) {
      fail("schema: #/$schema: \"", version->as_string(),
           "\" is no published draft of JSON Schema, which are at json-schema.org");
    }
    for (const char* old : {"draft-07", "draft-06", "draft-04", "draft-03"}) {
      if (version->as_string().find(old) != std::string::npos) siblings_of_ref_count_ = false;
    }
  }
}

SchemaSet SchemaShapes::root_set() { return {id_of(root_, "#")}; }

void SchemaShapes::work() {
  WorkBudget::spend(4);
  if (++work_ > kMostWork) fail("schema: too complex: its parts combine in too many ways");
}

void SchemaShapes::refuse_because(SchemaId id, std::string_view keyword, const std::string& reason) const {
  fail("schema: ", schemas_[id].pointer, keyword.empty() ? "" : "/", escaped(keyword), ": ", reason);
}

SchemaId SchemaShapes::id_of(const Json& json, const std::string& pointer) {
  const auto [entry, is_new] = ids_.try_emplace(&json, static_cast<SchemaId>(schemas_.size()));
  if (is_new) {
    schemas_.push_back({&json, pointer});
    check_keywords(entry->second);
  }
  return entry->second;
}

SchemaId SchemaShapes::child(SchemaId parent, const std::string& step, const Json& json) {
  return id_of(json, schemas_[parent].pointer + "/" + step);
}

const Json* SchemaShapes::keyword(SchemaId id, std::string_view name) const {
  const Json& json = *schemas_[id].json;
  if (!json.is_object()) return nullptr;
  if (!siblings_of_ref_count_ && json.find("$ref") && name != "$ref") return nullptr;
  return json.find(name);
}

uint64_t SchemaShapes::count(SchemaId id, std::string_view keyword, const Json& value) const {
  try {
    return value.as_unsigned();
  } catch (const Error&) {
    refuse(id, keyword, "expected a whole number from 0 on");
  }
}

void SchemaShapes::check_keywords(SchemaId id) const {
  const Json& json = *schemas_[id].json;
  if (json.is_bool()) return;
  if (!json.is_object()) refuse(id, "", "expected a schema (an object or a boolean), got ", json.kind());
  if (id != 0 && json.find("$id") && json.find("$id")->is_string()) refuse(id, "$id", "is supported at the root only");
  if (!siblings_of_ref_count_ && json.find("$ref")) return;
  for (const JsonMember& member : json.as_object().members()) {
    if (kNotEnforced.contains(member.key)) refuse(id, member.key, "is not supported in constrained output");
    if (const std::string_view meant = meant_keyword(member.key); !meant.empty())
      refuse(id, member.key, "is no keyword; is ", meant, " meant?");
  }
}

SchemaId SchemaShapes::resolve(SchemaId from, std::string_view keyword, const std::string& reference) {
  std::string_view rest = reference;
  const Json* own = root_.find("$id");
  if (own && own->is_string() && !own->as_string().empty() && rest.starts_with(own->as_string()))
    rest.remove_prefix(own->as_string().size());
  if (rest.empty() || rest == "#") return id_of(root_, "#");
  if (rest.starts_with("#/")) return resolve_pointer(from, reference, rest.substr(1));
  refuse(from, keyword, "\"", reference,
         "\" is not supported: expected # or a JSON pointer within this schema (#/$defs/...)");
}

SchemaId SchemaShapes::resolve_pointer(SchemaId from, const std::string& reference, std::string_view pointer) {
  const Json* at = &root_;
  while (!pointer.empty()) {
    pointer.remove_prefix(1);
    const size_t end = std::min(pointer.find('/'), pointer.size());
    std::string step;
    for (size_t i = 0; i < end; ++i) {
      if (pointer[i] == '~' && i + 1 < end) step += pointer[++i] == '1' ? '/' : '~';
      else if (pointer[i] == '%' && i + 2 < end)
        step += static_cast<char>(std::strtol(std::string(pointer.substr(i + 1, 2)).c_str(), nullptr, 16)), i += 2;
      else step += pointer[i];
    }
    pointer.remove_prefix(end);
    const Json* next = at->find(step);
    if (at->is_array() && !step.empty() && step.size() < 7 &&
        step.find_first_not_of("0123456789") == std::string::npos) {
      const size_t index = static_cast<size_t>(std::stoul(step));
      if (index < at->as_array().size()) next = &at->as_array()[index];
    }
    if (!next) refuse(from, "$ref", "\"", reference, "\" leads nowhere: there is no ", step);
    at = next;
    if (at != &root_ && at->is_object() && at->find("$id") && at->find("$id")->is_string()) {
      refuse(from, "$ref", "\"", reference, "\" goes through a schema with its own $id, which is not supported");
    }
  }
  const size_t hash = reference.find('#');
  return id_of(*at, reference.substr(hash));
}

const std::vector<Shape>& SchemaShapes::expand(const SchemaSet& set) {
  if (const auto known = expanded_.find(set); known != expanded_.end()) return known->second;
  if (++expanding_ > kMostExpansions)
    fail("schema: ", set.empty() ? "#" : pointer(set[0]), ": oneOf or enum nest too deep");
  Branches open(1);
  for (const SchemaId id : set) open[0].add(id);
  std::vector<Shape> shapes;
  while (!open.empty()) {
    work();
    Branch branch = std::move(open.back());
    open.pop_back();
    if (branch.todo.empty()) {
      if (branch.shape.types != 0 && (!branch.shape.values || !branch.shape.values->empty()))
        shapes.push_back(std::move(branch.shape));
      if (shapes.size() > kMostBranches)
        fail("schema: ", set.empty() ? "#" : pointer(set[0]), ": more than ", kMostBranches,
             " combinations of alternatives");
      continue;
    }
    const Branch::Todo next = std::move(branch.todo.back());
    branch.todo.pop_back();
    branch.way = next.way;
    if (std::find(next.way.begin(), next.way.end(), next.id) != next.way.end() ||
        next.way.size() > size_t{kMostReferences}) {
      refuse(next.id, "", "refers to itself without anything in between");
    }
    branch.way.push_back(next.id);
    if (!branch.done.insert(next.id).second) {
      open.push_back(std::move(branch));
      continue;
    }
    Branches made;
    apply(next.id, std::move(branch), made);
    if (open.size() + made.size() > kMostBranches)
      fail("schema: ", pointer(next.id), ": more than ", kMostBranches, " combinations of alternatives");
    for (auto one = made.rbegin(); one != made.rend(); ++one) {
      if (one->shape.types != 0) open.push_back(std::move(*one));
    }
  }
  --expanding_;
  // The value lists are filtered by everything else that must hold.
  for (Shape& shape : shapes) {
    if (shape.values) std::erase_if(*shape.values, [&](const Json& value) { return !fits(shape, value); });
  }
  std::erase_if(shapes, [](const Shape& shape) { return shape.values && shape.values->empty(); });
  return expanded_[set] = std::move(shapes);
}

uint8_t SchemaShapes::types_of(SchemaId id, std::string_view keyword, const Json& value) const {
  static const std::map<std::string_view, uint8_t> names = {
      {"null", kNull},     {"boolean", kBoolean}, {"integer", kInteger}, {"number", kInteger | kFraction},
      {"string", kString}, {"array", kArray},     {"object", kObject}};
  const auto one = [&](const Json& name) {
    const auto found = name.is_string() ? names.find(name.as_string()) : names.end();
    if (found == names.end())
      refuse(id, keyword, "expected the name of a type, got ",
             name.is_string() ? name.dump() : std::string(name.kind()));
    return found->second;
  };
  if (!value.is_array()) return one(value);
  uint8_t types = 0;
  for (const Json& name : value.as_array()) types |= one(name);
  return types;
}

bool SchemaShapes::apply_values(SchemaId id, Shape& shape) const {
  const auto keep = [&](const std::vector<Json>& values) {
    if (!shape.values) {
      shape.values = values;
      return;
    }
    std::erase_if(*shape.values,
                  [&](const Json& value) { return std::find(values.begin(), values.end(), value) == values.end(); });
  };
  if (const Json* value = keyword(id, "enum")) {
    if (!value->is_array()) refuse(id, "enum", "expected an array, got ", value->kind());
    keep(value->as_array());
  }
  if (const Json* value = keyword(id, "const")) keep({*value});
  return !shape.values || !shape.values->empty();
}

void SchemaShapes::apply(SchemaId id, Branch branch, Branches& out) {
  const Json& json = *schemas_[id].json;
  if (json.is_bool()) {
    if (json.as_bool()) out.push_back(std::move(branch));
    return;
  }
  if (const Json* type = keyword(id, "type")) {
    uint8_t types = types_of(id, "type", *type);
    const Json* nullable = keyword(id, "nullable");
    if (nullable && nullable->is_bool() && nullable->as_bool()) types |= kNull;
    branch.shape.types &= types;
  }
  if (!apply_values(id, branch.shape)) return;
  if (const Json* required = keyword(id, "required")) {
    if (!required->is_array()) refuse(id, "required", "expected an array, got ", required->kind());
    for (const Json& name : required->as_array()) {
      if (!name.is_string()) refuse(id, "required", "expected names, got ", name.kind());
      branch.shape.required.push_back(name.as_string());
    }
  }
  if (const Json* reference = keyword(id, "$ref")) {
    if (!reference->is_string()) refuse(id, "$ref", "expected a string, got ", reference->kind());
    branch.add(resolve(id, "$ref", reference->as_string()));
  }
  add_to(branch.shape.schemas, id);
  if (const Json* all = keyword(id, "allOf")) {
    if (!all->is_array()) refuse(id, "allOf", "expected an array, got ", all->kind());
    for (size_t i = 0; i < all->as_array().size(); ++i) branch.add(child(id, cat("allOf/", i), all->as_array()[i]));
  }
  Branches branches;
  branches.push_back(std::move(branch));
  for (const char* name : {"anyOf", "oneOf"}) {
    const Json* value = keyword(id, name);
    if (!value) continue;
    if (!value->is_array() || value->as_array().empty()) refuse(id, name, "expected an array of schemas");
    if (std::string_view(name) == "oneOf") apply_one_of(id, *value, branches);
    Branches next;
    for (const Branch& one : branches) {
      for (size_t i = 0; i < value->as_array().size(); ++i) {
        next.push_back(one);
        next.back().add(child(id, cat(name, "/", i), value->as_array()[i]));
        if (next.size() > kMostBranches) refuse(id, name, "more than ", kMostBranches, " combinations of alternatives");
      }
    }
    branches = std::move(next);
  }
  if (const Json* value = keyword(id, "not")) negate(id, *value, branches);
  for (const char* name : {"dependentRequired", "dependentSchemas", "dependencies"}) {
    if (const Json* value = keyword(id, name)) apply_dependencies(id, name, *value, branches);
  }
  for (Branch& one : branches) out.push_back(std::move(one));
}

// "Exactly one" is "any" where no two can hold at once.
void SchemaShapes::apply_one_of(SchemaId id, const Json& value, Branches& branches) {
  const auto& list = value.as_array();
  if (list.size() > 64) refuse(id, "oneOf", list.size(), " alternatives, at most 64 are possible");
  uint8_t types = 0;
  for (const Branch& branch : branches) types |= branch.shape.types;
  for (size_t i = 0; i < list.size(); ++i) {
    for (size_t j = i + 1; j < list.size(); ++j) {
      SchemaSet set;
      add_to(set, child(id, cat("oneOf/", i), list[i]));
      add_to(set, child(id, cat("oneOf/", j), list[j]));
      if (!provably_empty(set, types, 0)) {
        refuse(id, "oneOf", "alternatives ", i, " and ", j,
               " are not plainly exclusive (by type, const, or a required property); use anyOf");
      }
    }
  }
}

void SchemaShapes::apply_dependencies(SchemaId id, std::string_view keyword, const Json& value, Branches& branches) {
  if (!value.is_object()) refuse(id, keyword, "expected an object, got ", value.kind());
  for (const JsonMember& member : value.as_object().members()) {
    Branches next;
    for (const Branch& branch : branches) {
      if ((branch.shape.types & ~kObject) != 0) {
        next.push_back(branch);
        next.back().shape.types &= static_cast<uint8_t>(~kObject);
      }
      if ((branch.shape.types & kObject) == 0) continue;
      next.push_back(branch);
      next.back().shape.types = kObject;
      next.back().shape.forbidden.insert(member.key);
      next.push_back(branch);
      next.back().shape.types = kObject;
      next.back().shape.required.push_back(member.key);
      if (member.value.is_array()) {
        for (const Json& name : member.value.as_array()) {
          if (!name.is_string()) refuse(id, keyword, "expected names, got ", name.kind());
          next.back().shape.required.push_back(name.as_string());
        }
      } else {
        next.back().add(child(id, cat(keyword, "/", escaped(member.key)), member.value));
      }
      if (next.size() > kMostBranches)
        refuse(id, keyword, "more than ", kMostBranches, " combinations of alternatives");
    }
    branches = std::move(next);
  }
}

void SchemaShapes::negate(SchemaId id, const Json& schema, Branches& branches) {
  const auto nothing_else = [&](std::string_view key) {
    for (const JsonMember& member : schema.as_object().members()) {
      if (member.key != key && kEnforced.contains(member.key)) return false;
    }
    return schema.find(key) != nullptr;
  };
  if (schema.is_bool() || (schema.is_object() && schema.as_object().size() == 0)) {
    if (!schema.is_bool() || schema.as_bool()) branches.clear();
    return;
  }
  if (!schema.is_object()) refuse(id, "not", "expected a schema, got ", schema.kind());
  if (nothing_else("type")) {
    const uint8_t types = types_of(id, "not", schema.at("type"));
    for (Branch& branch : branches) branch.shape.types &= static_cast<uint8_t>(~types);
  } else if (nothing_else("anyOf") && schema.at("anyOf").is_array()) {
    for (const Json& one : schema.at("anyOf").as_array()) negate(id, one, branches);
  } else if (nothing_else("required") && schema.at("required").is_array() &&
             schema.at("required").as_array().size() <= 16) {
    Branches next;
    for (const Branch& branch : branches) {
      next.push_back(branch);
      next.back().shape.types &= static_cast<uint8_t>(~kObject);
      for (const Json& name : schema.at("required").as_array()) {
        if (!name.is_string()) refuse(id, "not", "expected names in required, got ", name.kind());
        next.push_back(branch);
        next.back().shape.types &= kObject;
        next.back().shape.forbidden.insert(name.as_string());
      }
      if (next.size() > kMostBranches) refuse(id, "not", "more than ", kMostBranches, " combinations of alternatives");
    }
    branches = std::move(next);
  } else {
    refuse(id, "not", "is supported of booleans and of type, required and anyOf alone");
  }
}

bool SchemaShapes::provably_empty(const SchemaSet& set, uint8_t types, int depth) {
  if (depth > 3) return false;
  for (Shape shape : std::vector<Shape>(expand(set))) {
    shape.types &= types;
    if (!provably_empty(shape, depth)) return false;
  }
  return true;
}

bool SchemaShapes::provably_empty(const Shape& shape, int depth) {
  uint8_t types = shape.types;
  if (shape.values) {
    return std::none_of(shape.values->begin(), shape.values->end(),
                        [&](const Json& value) { return (type_of(value) & types) != 0; });
  }
  if (types & (kInteger | kFraction)) {
    NumberRange range = numbers(shape);
    range.integer = (types & kFraction) == 0;
    if (number_language(range).empty()) types &= static_cast<uint8_t>(~(kInteger | kFraction));
  }
  if (types & kString) {
    const StringView view = strings(shape);
    if ((view.maximum && *view.maximum < view.minimum) || (view.content && view.content->empty()))
      types &= static_cast<uint8_t>(~kString);
  }
  if (types & kObject) {
    for (const ObjectView::Property& property : objects(shape).known) {
      if (property.required && (!property.possible || provably_empty(property.schemas, kAllTypes, depth + 1)))
        types &= static_cast<uint8_t>(~kObject);
    }
  }
  if (types & kArray) {
    const ArrayView view = arrays(shape);
    if (view.maximum && *view.maximum < view.minimum) types &= static_cast<uint8_t>(~kArray);
  }
  return types == 0;
}

bool SchemaShapes::allows(const SchemaSet& set, const Json& value) {
  const std::vector<Shape> shapes = expand(set);
  return std::any_of(shapes.begin(), shapes.end(), [&](const Shape& shape) {
    if (shape.values && std::find(shape.values->begin(), shape.values->end(), value) == shape.values->end())
      return false;
    return fits(shape, value);
  });
}

bool SchemaShapes::fits(const Shape& shape, const Json& value) {
  work();
  const uint8_t type = type_of(value);
  if ((shape.types & type) == 0) return false;
  if (type & (kInteger | kFraction)) {
    NumberRange range = numbers(shape);
    if (!range.minimum && !range.maximum && range.multiple_of == 1) return true;
    return number_language(range).contains(value.is_integer() ? value.dump() : plain_decimal(value.as_number()));
  }
  if (type == kString) {
    const StringView view = strings(shape);
    if (view.content) return view.content->contains(value.as_string());
    return TextLanguage::length(view.minimum, view.maximum).contains(value.as_string());
  }
  if (type == kArray) {
    const ArrayView view = arrays(shape);
    const auto& items = value.as_array();
    if (items.size() < view.minimum || (view.maximum && items.size() > *view.maximum)) return false;
    for (size_t i = 0; i < items.size(); ++i) {
      if (!allows(i < view.first.size() ? view.first[i] : view.rest, items[i])) return false;
    }
  }
  return type != kObject || fits_object(shape, value);
}

bool SchemaShapes::fits_object(const Shape& shape, const Json& value) {
  const ObjectView view = objects(shape);
  const JsonObject& object = value.as_object();
  if (object.size() < view.minimum || (view.maximum && object.size() > *view.maximum)) return false;
  size_t found = 0;
  for (const ObjectView::Property& property : view.known) {
    const Json* member = object.find(property.name);
    if (!member && property.required) return false;
    if (!member) continue;
    if (!property.possible || !allows(property.schemas, *member)) return false;
    ++found;
  }
  for (const JsonMember& member : object.members()) {
    if (std::any_of(view.known.begin(), view.known.end(), [&](const auto& known) { return known.name == member.key; }))
      continue;
    const bool fine = std::any_of(view.others.begin(), view.others.end(), [&](const ObjectView::Others& others) {
      return (!others.names || others.names->contains(member.key)) && allows(others.schemas, member.value);
    });
    if (!fine) return false;
    ++found;
  }
  return found == object.size();
}

}  // namespace paceline::constrain
