#include "text/template_vectors.h"

#include "base/mapped_file.h"

namespace paceline {

const Json& template_vectors() {
  static const Json kVectors = [] {
    const MappedFile file(PACELINE_TEMPLATE_DATA "/vectors.json");
    const auto bytes = file.bytes();
    return Json::parse({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, "vectors.json");
  }();
  return kVectors;
}

std::tm parse_time(const std::string& text) {
  std::tm time{};
  if (strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &time) == nullptr) fail("not a time: ", text);
  return time;
}

}  // namespace paceline
