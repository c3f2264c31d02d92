#include "base/json.h"

#include <algorithm>
#include <cmath>

namespace paceline {

namespace {

constexpr size_t kIndexedFrom = 16;  // below this, looking at each key is faster than an index

constexpr double kTwoTo63 = 9223372036854775808.0;

}  // namespace

// Here, where JsonMember is a complete type.
JsonObject::JsonObject() = default;
JsonObject::JsonObject(const JsonObject&) = default;
JsonObject::JsonObject(JsonObject&&) noexcept = default;
JsonObject& JsonObject::operator=(const JsonObject&) = default;
JsonObject& JsonObject::operator=(JsonObject&&) noexcept = default;
JsonObject::~JsonObject() = default;

size_t JsonObject::size() const { return members_.size(); }

size_t JsonObject::position(std::string_view key) const {
  if (!index_.empty()) {
    const auto at = index_.find(key);
    return at == index_.end() ? members_.size() : at->second;
  }
  const auto at =
      std::find_if(members_.begin(), members_.end(), [key](const JsonMember& member) { return member.key == key; });
  return static_cast<size_t>(at - members_.begin());
}

const Json* JsonObject::find(std::string_view key) const {
  const size_t at = position(key);
  return at == members_.size() ? nullptr : &members_[at].value;
}

void JsonObject::set(std::string key, Json value) {
  const size_t at = position(key);
  if (at < members_.size()) {
    members_[at].value = std::move(value);
    return;
  }
  members_.push_back({std::move(key), std::move(value)});
  if (members_.size() == kIndexedFrom) {
    for (size_t i = 0; i < members_.size(); ++i) index_.emplace(members_[i].key, i);
  } else if (members_.size() > kIndexedFrom) {
    index_.emplace(members_.back().key, at);
  }
}

std::string_view Json::kind() const {
  if (is_number()) return is_integer() ? "an integer" : "a number";
  static constexpr std::string_view kKinds[] = {"null", "a boolean", "", "", "", "a string", "an array", "an object"};
  return kKinds[value_.index()];
}

void Json::wrong_kind(std::string_view expected) const { fail("JSON: expected ", expected, ", got ", kind()); }

bool Json::as_bool() const { return get<bool>("a boolean"); }
const std::string& Json::as_string() const { return get<std::string>("a string"); }
const Json::Array& Json::as_array() const { return get<Array>("an array"); }
Json::Array& Json::as_array() { return const_cast<Array&>(std::as_const(*this).as_array()); }
const JsonObject& Json::as_object() const { return get<JsonObject>("an object"); }
JsonObject& Json::as_object() { return const_cast<JsonObject&>(std::as_const(*this).as_object()); }

int64_t Json::as_integer() const {
  if (const auto* value = std::get_if<int64_t>(&value_)) return *value;
  if (const auto* value = std::get_if<uint64_t>(&value_))
    fail("JSON: the integer ", *value, " is too large, expected below 2^63");
  const double value = get<double>("an integer");
  if (std::trunc(value) != value || value < -kTwoTo63 || value >= kTwoTo63)
    fail("JSON: expected an integer, got ", value);
  return static_cast<int64_t>(value);
}

uint64_t Json::as_unsigned() const {
  if (const auto* value = std::get_if<uint64_t>(&value_)) return *value;
  const auto* fraction = std::get_if<double>(&value_);
  if (fraction != nullptr && *fraction >= kTwoTo63 && *fraction < 2 * kTwoTo63) return static_cast<uint64_t>(*fraction);
  const int64_t value = as_integer();
  if (value < 0) fail("JSON: expected an integer of at least 0, got ", value);
  return static_cast<uint64_t>(value);
}

double Json::as_number() const {
  if (const auto* value = std::get_if<int64_t>(&value_)) return static_cast<double>(*value);
  if (const auto* value = std::get_if<uint64_t>(&value_)) return static_cast<double>(*value);
  return get<double>("a number");
}

const Json* Json::find(std::string_view key) const {
  const auto* object = std::get_if<JsonObject>(&value_);
  return object == nullptr ? nullptr : object->find(key);
}

const Json& Json::at(std::string_view key) const {
  const Json* value = as_object().find(key);
  if (value == nullptr) fail("JSON: member \"", key, "\" is missing");
  return *value;
}

bool Json::operator==(const Json& other) const {
  if (is_number() && other.is_number()) {
    if (is_integer() && other.is_integer()) return value_.index() == other.value_.index() && dump() == other.dump();
    return as_number() == other.as_number();
  }
  if (value_.index() != other.value_.index()) return false;
  if (is_bool()) return as_bool() == other.as_bool();
  if (is_string()) return as_string() == other.as_string();
  if (is_array()) return as_array() == other.as_array();
  if (!is_object()) return true;
  const auto& members = as_object().members();
  return members.size() == other.as_object().size() &&
         std::all_of(members.begin(), members.end(), [&](const JsonMember& member) {
           const Json* value = other.find(member.key);
           return value != nullptr && member.value == *value;
         });
}

}  // namespace paceline
