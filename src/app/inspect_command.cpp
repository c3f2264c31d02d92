// paceline inspect: what a model file holds and what running it takes.
#include <map>

#include "app/commands.h"
#include "app/console.h"
#include "app/memory_needs.h"
#include "app/session.h"
#include "base/error.h"
#include "base/json.h"
#include "base/utf8.h"

namespace paceline {

namespace {

constexpr size_t kShownText = 80, kShownElements = 6;

std::string shortened(std::string text) {
  if (text.size() > kShownText) text = cat(text.substr(0, kShownText), "… (", text.size(), " bytes)");
  return printable(Json(text).dump());
}

Json element_as_json(const GgufArray& array, size_t index) {
  if (array.type == GgufType::String) return array.texts[index];
  if (const auto integer = array.integer(index)) return *integer;
  return array.number(index).value_or(0);
}

Json value_as_json(const GgufValue& value) {
  if (const auto* text = std::get_if<std::string>(&value.data)) return *text;
  if (const auto* flag = std::get_if<bool>(&value.data)) return *flag;
  if (const auto integer = value.integer()) return *integer;
  if (const auto* array = std::get_if<GgufArray>(&value.data)) {
    Json out = Json::array();
    for (size_t i = 0; i < array->size(); ++i) out.push_back(element_as_json(*array, i));
    return out;
  }
  return value.number().value_or(0);
}

std::string value_as_text(const GgufValue& value) {
  const auto* array = std::get_if<GgufArray>(&value.data);
  if (array == nullptr) {
    const Json json = value_as_json(value);
    return json.is_string() ? shortened(json.as_string()) : json.dump();
  }
  std::string out = "[";
  for (size_t i = 0; i < std::min(array->size(), kShownElements); ++i) {
    const Json element = element_as_json(*array, i);
    out += cat(i == 0 ? "" : ", ", element.is_string() ? shortened(element.as_string()) : element.dump());
  }
  return array->size() > kShownElements ? cat(out, ", … (", array->size(), ")]") : out + "]";
}

// Tensors and bytes by type.
struct TypeShare {
  size_t tensors = 0;
  uint64_t bytes = 0;
};
std::map<std::string, TypeShare> quantization_mix(const GgufFile& file) {
  std::map<std::string, TypeShare> mix;
  for (const GgufTensor& tensor : file.tensors()) {
    TypeShare& share = mix[std::string(format_info(tensor.type).name)];
    ++share.tensors;
    share.bytes += tensor.bytes.size();
  }
  return mix;
}

uint64_t parameter_count(const GgufFile& file) {
  uint64_t count = 0;
  for (const GgufTensor& tensor : file.tensors()) count += static_cast<uint64_t>(tensor.rows() * tensor.cols());
  return count;
}

std::string padded(std::string text, size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text;
}

std::string text_report(const GgufFile& file, const MemoryNeeds& needs) {
  const Metadata& metadata = file.metadata();
  std::string out = cat(file.path(), ": GGUF version ", file.version(), ", ", human_bytes(file.file_bytes()), ", ",
                        fixed(static_cast<double>(parameter_count(file)) / 1e6, 1), " M parameters\n\nmetadata\n");
  for (const auto& [key, value] : metadata.entries())
    out += cat("  ", padded(key, 48), " ", value_as_text(value), "\n");
  out += "\ntensors\n";
  for (const GgufTensor& tensor : file.tensors())
    out += cat("  ", padded(tensor.name, 40), " ", padded(std::string(format_info(tensor.type).name), 7), " ",
               padded(tensor.shape(), 18), " ", human_bytes(tensor.bytes.size()), "\n");
  out += "\nquantization mix\n";
  for (const auto& [type, share] : quantization_mix(file))
    out += cat("  ", padded(type, 7), " ", padded(cat(share.tensors, " tensors"), 13), " ", human_bytes(share.bytes),
               "\n");
  out += cat("\nMTP head: ", needs.has_draft_head ? "found" : "not found", "\n\nmemory needed\n");
  out += cat("  weights          ", human_bytes(needs.weight_bytes), "\n");
  out += cat("  KV cache         ", human_bytes(needs.kv_bytes), " for ", needs.context, " positions in ",
             needs.kv_type_name, " (", human_bytes(needs.kv_bytes_per_token), " each)\n");
  return out + cat("  recurrent state  ", human_bytes(needs.recurrent_bytes), "\n");
}

Json json_report(const GgufFile& file, const MemoryNeeds& needs) {
  Json metadata = Json::object(), tensors = Json::array(), mix = Json::object(), memory = Json::object(),
       out = Json::object();
  for (const auto& [key, value] : file.metadata().entries()) metadata.set(key, value_as_json(value));
  for (const GgufTensor& tensor : file.tensors()) {
    Json row = Json::object(), extents = Json::array();
    for (const int64_t extent : tensor.ne) extents.push_back(extent);
    row.set("name", tensor.name), row.set("type", format_info(tensor.type).name);
    row.set("ne", std::move(extents)), row.set("bytes", tensor.bytes.size());
    tensors.push_back(std::move(row));
  }
  for (const auto& [type, share] : quantization_mix(file)) {
    Json row = Json::object();
    row.set("tensors", share.tensors), row.set("bytes", share.bytes);
    mix.set(type, std::move(row));
  }
  memory.set("weights", needs.weight_bytes), memory.set("kv", needs.kv_bytes),
      memory.set("recurrent", needs.recurrent_bytes);
  memory.set("context", needs.context), memory.set("kv_per_token", needs.kv_bytes_per_token);
  out.set("path", file.path()), out.set("file_bytes", file.file_bytes()), out.set("parameters", parameter_count(file));
  out.set("metadata", std::move(metadata)), out.set("tensors", std::move(tensors)), out.set("mix", std::move(mix));
  out.set("mtp_head", needs.has_draft_head), out.set("memory_bytes", std::move(memory));
  return out;
}

}  // namespace

int run_inspect(const Arguments& arguments) {
  const GgufFile file = open_model_file(arguments);
  const MemoryNeeds needs = memory_needs(file, arguments.integer("context"));
  write_output(arguments.has("json") ? json_report(file, needs).dump() + "\n" : text_report(file, needs));
  return 0;
}

}  // namespace paceline
