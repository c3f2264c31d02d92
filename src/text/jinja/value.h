#pragma once
// The values of a template: Python's, as far as a template can see them. Texts and containers are shared and charged to the render's
// Budget, which outlives them; nesting is known for each value, so that going through one never recurses without bound. Cycles can arise
// through namespaces, loops and macros only; the Interpreter owns those and takes them apart at the end.
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/json.h"
#include "text/jinja/budget.h"

namespace paceline::jinja {

using Integer = __int128;  // beyond it Python goes on and we fail; holds every int64 and uint64

struct UndefinedData;
struct TextData;
struct SequenceData;
struct DictData;
struct GeneratorData;
struct NamespaceData;
class Function;
class Loop;
class Interpreter;

enum class Kind { Undefined, None, Bool, Int, Float, Text, Sequence, Dict, Generator, Function, Namespace, Loop };
enum class SequenceKind { List, Tuple, Group, Range, Keys, Values, Items };  // Group: a tuple (grouper, list)

class Value {
 public:
  Value() : data_(nullptr) {}  // None
  Value(std::same_as<bool> auto value) : data_(value) {}
  Value(Integer value) : data_(value) {}
  Value(std::same_as<int> auto value) : data_(static_cast<Integer>(value)) {}
  Value(double value) : data_(value) {}
  Value(std::shared_ptr<UndefinedData> value) : data_(std::move(value)) {}
  Value(std::shared_ptr<TextData> value) : data_(std::move(value)) {}
  Value(std::shared_ptr<SequenceData> value) : data_(std::move(value)) {}
  Value(std::shared_ptr<DictData> value) : data_(std::move(value)) {}
  Value(std::shared_ptr<GeneratorData> value) : data_(std::move(value)) {}
  Value(std::shared_ptr<Function> value) : data_(std::move(value)) {}
  Value(std::shared_ptr<NamespaceData> value) : data_(std::move(value)) {}
  Value(std::shared_ptr<Loop> value) : data_(std::move(value)) {}

  Kind kind() const { return static_cast<Kind>(data_.index()); }
  bool is(Kind kind) const { return this->kind() == kind; }
  bool is_sequence(SequenceKind kind) const;
  bool is_number() const { return is(Kind::Bool) || is(Kind::Int) || is(Kind::Float); }
  bool is_integral() const { return is(Kind::Bool) || is(Kind::Int); }  // bool is an int in Python

  // The caller has looked at kind().
  const UndefinedData& undefined() const { return *std::get<std::shared_ptr<UndefinedData>>(data_); }
  bool boolean() const { return std::get<bool>(data_); }
  Integer integer() const { return is(Kind::Bool) ? Integer{boolean()} : std::get<Integer>(data_); }
  double number() const { return is(Kind::Float) ? std::get<double>(data_) : static_cast<double>(integer()); }
  const std::string& text() const;
  bool is_markup() const;  // a text that `safe` or `escape` marked
  const std::shared_ptr<TextData>& text_data() const { return std::get<std::shared_ptr<TextData>>(data_); }
  const std::shared_ptr<SequenceData>& sequence() const { return std::get<std::shared_ptr<SequenceData>>(data_); }
  const std::shared_ptr<DictData>& dict() const { return std::get<std::shared_ptr<DictData>>(data_); }
  const std::shared_ptr<GeneratorData>& generator() const { return std::get<std::shared_ptr<GeneratorData>>(data_); }
  const std::shared_ptr<Function>& function() const { return std::get<std::shared_ptr<Function>>(data_); }
  const std::shared_ptr<NamespaceData>& name_space() const { return std::get<std::shared_ptr<NamespaceData>>(data_); }
  const std::shared_ptr<Loop>& loop() const { return std::get<std::shared_ptr<Loop>>(data_); }

  int nesting() const;
  bool same_object(const Value& other) const;  // Python's `is`

 private:
  std::variant<std::shared_ptr<UndefinedData>, std::nullptr_t, bool, Integer, double, std::shared_ptr<TextData>,
               std::shared_ptr<SequenceData>, std::shared_ptr<DictData>, std::shared_ptr<GeneratorData>,
               std::shared_ptr<Function>, std::shared_ptr<NamespaceData>, std::shared_ptr<Loop>>
      data_;
};

using Values = std::vector<Value>;

// Memory charged to a Budget for as long as this lives.
class Charge {
 public:
  Charge(Budget* budget, size_t bytes) : budget_(budget), bytes_(bytes) {
    if (budget_ != nullptr) budget_->allocate(bytes_);
  }
  ~Charge() {
    if (budget_ != nullptr) budget_->release(bytes_);
  }
  Charge(const Charge&) = delete;
  Charge& operator=(const Charge&) = delete;
  void grow(size_t bytes) {
    if (budget_ != nullptr) budget_->allocate(bytes);
    bytes_ += bytes;
  }

 private:
  Budget* budget_;
  size_t bytes_;
};

struct UndefinedData {
  Charge charge;
  std::string message;
  const char* error_kind;
};

struct TextData {
  Charge charge;
  std::string text;
  bool ascii;
  bool markup;
};

struct SequenceData {
  Charge charge;
  SequenceKind kind;
  int nesting;
  Values items;
  Integer start = 0, stop = 0, step = 1;  // of a Range, whose items are there as well
};

// The strict weak order of Python's hashable values: 1, 1.0 and True are one key. Throws TypeError for lists and dicts.
struct KeyOrder {
  Budget* budget;
  bool operator()(const Value& left, const Value& right) const;
};

// Entries in insertion order; lookup is logarithmic whatever the keys are.
class Entries {
 public:
  explicit Entries(Budget* budget) : charge_(budget, 0), index_(KeyOrder{budget}) {}
  const std::vector<std::pair<Value, Value>>& all() const { return all_; }
  size_t size() const { return all_.size(); }
  const Value* find(const Value& key) const;
  void set(const Value& key, Value value);
  void clear();

 private:
  Charge charge_;
  std::vector<std::pair<Value, Value>> all_;
  std::map<Value, size_t, KeyOrder> index_;
};

struct DictData {
  explicit DictData(Budget* budget) : entries(budget) {}
  Entries entries;
  int nesting = 1;
};

// Gives the next item, or false at the end; once at the end it stays there.
using NextItem = std::function<bool(Value&)>;

struct GeneratorData {
  Charge charge;
  NextItem next;
  int nesting;
  const char* type_name = "generator";
};

// Attributes by name, in the order they were first set.
struct NamespaceData {
  explicit NamespaceData(Budget* budget) : entries(budget) {}
  Entries entries;
};

struct Arguments {
  Values positional;
  std::vector<std::pair<std::string, Value>> named;
};

class Function {
 public:
  Function(std::string name, int nesting = 1) : name_(std::move(name)), nesting_(nesting) {}
  virtual ~Function() = default;
  virtual Value call(Interpreter& interpreter, Arguments& arguments) = 0;
  virtual bool attribute(Interpreter& interpreter, std::string_view name, Value& out);
  virtual const char* type_name() const { return "function"; }
  virtual std::string described() const { return cat("<function ", name_, ">"); }

  const std::string& name() const { return name_; }
  int nesting() const { return nesting_; }

 private:
  std::string name_;
  int nesting_;
};

// `budget` may be null for values that the template's source holds.
Value make_text(Budget* budget, std::string text, bool markup = false);
Value make_sequence(Budget& budget, SequenceKind kind, Values items);
inline Value make_list(Budget& budget, Values items) {
  return make_sequence(budget, SequenceKind::List, std::move(items));
}
inline Value make_tuple(Budget& budget, Values items) {
  return make_sequence(budget, SequenceKind::Tuple, std::move(items));
}
Value make_range(Budget& budget, Integer start, Integer stop, Integer step);
Value make_generator(Budget& budget, NextItem next, int nesting, const char* type_name = "generator");
Value make_undefined(Budget& budget, std::string message, const char* error_kind = "UndefinedError");
std::shared_ptr<DictData> make_dict(Budget& budget);
void set_entry(Budget& budget, DictData& dict, const Value& key, Value value);

Value from_json(Budget& budget, const Json& json);

}  // namespace paceline::jinja
