#pragma once
// JSON Schemas taken apart. A SchemaSet names schemas that must all hold; expanding one follows references and the keywords that join
// schemas, and gives Shapes: alternatives in which only keywords about one value are left. What cannot be enforced exactly throws Error
// with the JSON pointer of the keyword.
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/strings.h"
#include "text/constrain/json_spelling.h"
#include "text/constrain/text_language.h"

namespace paceline::constrain {

using SchemaId = uint32_t;
using SchemaSet = std::vector<SchemaId>;  // sorted, each once; the empty set allows everything

enum TypeBits : uint8_t {
  kNull = 1,
  kBoolean = 2,
  kInteger = 4,
  kFraction = 8,
  kString = 16,
  kArray = 32,
  kObject = 64,
  kAllTypes = 127,
};

// A member's name as a step of a JSON pointer (RFC 6901).
std::string escaped(std::string_view step);

struct Shape {
  uint8_t types = kAllTypes;
  std::optional<std::vector<Json>> values;  // one of these
  SchemaSet schemas;  // whose keywords about numbers, strings, arrays and objects hold
  std::vector<std::string> required;
  std::set<std::string> forbidden;  // properties
};

struct ArrayView {
  std::vector<SchemaSet> first;  // of the items at the beginning
  SchemaSet rest;
  uint64_t minimum = 0;
  std::optional<uint64_t> maximum;
};

struct ObjectView {
  struct Property {
    std::string name;
    SchemaSet schemas;
    bool required = false, possible = true;
  };
  struct Others {
    std::optional<TextLanguage> names;  // none: any name at all
    SchemaSet schemas;
  };
  std::vector<Property> known;  // in the order of the schema
  std::vector<Others> others;
  uint64_t minimum = 0;
  std::optional<uint64_t> maximum;
};

struct StringView {
  uint64_t minimum = 0;
  std::optional<uint64_t> maximum;
  std::optional<TextLanguage> content;  // length included; none: only the length matters
};

// Which properties an object may have beside those that its schema names, where it says nothing about others: any, as JSON Schema has it, or
// none, as those expect who write schemas for answers.
enum class Objects { Open, Closed };

class SchemaShapes {
 public:
  SchemaShapes(const Json& root, Objects objects);

  SchemaSet root_set();
  const std::vector<Shape>& expand(const SchemaSet& set);
  NumberRange numbers(const Shape& shape);
  StringView strings(const Shape& shape);
  ArrayView arrays(const Shape& shape);
  ObjectView objects(const Shape& shape);
  // Whether the value is valid; the shape's own list of values apart.
  bool allows(const SchemaSet& set, const Json& value);
  bool fits(const Shape& shape, const Json& value);
  const std::string& pointer(SchemaId id) const { return schemas_[id].pointer; }

 private:
  struct Schema {
    const Json* json;
    std::string pointer;
  };
  struct Branch;
  using Branches = std::vector<Branch>;

  SchemaId id_of(const Json& json, const std::string& pointer);
  SchemaId child(SchemaId parent, const std::string& step, const Json& json);
  const Json* keyword(SchemaId id, std::string_view name) const;
  template <class... Parts>
  [[noreturn]] void refuse(SchemaId id, std::string_view keyword, const Parts&... parts) const {
    refuse_because(id, keyword, cat(parts...));
  }
  [[noreturn]] void refuse_because(SchemaId id, std::string_view keyword, const std::string& reason) const;
  uint64_t count(SchemaId id, std::string_view keyword, const Json& value) const;
  SchemaId resolve(SchemaId from, std::string_view keyword, const std::string& reference);
  SchemaId resolve_pointer(SchemaId from, const std::string& reference, std::string_view pointer);

  void apply(SchemaId id, Branch branch, Branches& out);
  bool apply_values(SchemaId id, Shape& shape) const;
  void apply_one_of(SchemaId id, const Json& value, Branches& branches);
  void apply_dependencies(SchemaId id, std::string_view keyword, const Json& value, Branches& branches);
  void negate(SchemaId id, const Json& schema, Branches& branches);
  void check_keywords(SchemaId id) const;
  uint8_t types_of(SchemaId id, std::string_view keyword, const Json& value) const;
  bool provably_empty(const SchemaSet& set, uint8_t types, int depth);
  bool provably_empty(const Shape& shape, int depth);
  SchemaSet property_set(const Shape& shape, const std::string& name, bool& possible);
  const TextLanguage& pattern(SchemaId id, std::string_view keyword, const std::string& text);
  std::optional<TextLanguage> names(const Shape& shape);
  bool closes(const Shape& shape, const ObjectView& view) const;
  bool fits_object(const Shape& shape, const Json& value);
  void work();

  const Json& root_;
  Objects objects_;
  bool siblings_of_ref_count_ = true;  // not in drafts up to 7
  std::vector<Schema> schemas_;
  std::map<const Json*, SchemaId> ids_;
  std::map<SchemaSet, std::vector<Shape>> expanded_;
  std::map<std::string, TextLanguage, std::less<>> patterns_;
  int expanding_ = 0;
  uint64_t work_ = 0;
};

}  // namespace paceline::constrain
