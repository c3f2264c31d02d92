#include "serve/ollama_models.h"

#include <sys/stat.h>

#include <limits>

#include "base/random.h"
#include "serve/api_error.h"
#include "serve/ollama.h"

namespace paceline::ollama {

namespace {

Json details(const Service& service) {
  const Metadata& metadata = service.file.metadata();
  const std::string family = metadata.text("general.architecture");
  Json families = Json::array(), out = Json::object();
  families.push_back(family);
  out.set("parent_model", ""), out.set("format", "gguf"), out.set("family", family),
      out.set("families", std::move(families));
  out.set("parameter_size", metadata.find_text("general.size_label").value_or("")),
      out.set("quantization_level", main_quantization(service.file));
  return out;
}

std::string modified_at(const Service& service) {
  struct stat facts{};
  return timestamp(::stat(service.file.path().c_str(), &facts) == 0 ? facts.st_mtime : std::time(nullptr));
}

// Clients show the beginning of a SHA-256 and tell models apart by it. Reading all of a file for that takes too long; this is of what its header says.
std::string digest(const GgufFile& file) {
  uint64_t hash = file.file_bytes();
  for (const GgufTensor& tensor : file.tensors()) {
    for (const char letter : tensor.name) hash = mix64(hash ^ static_cast<unsigned char>(letter));
    hash = random_word(hash, tensor.bytes.size(), static_cast<uint64_t>(tensor.type));
  }
  std::string out;
  for (uint64_t word = 0; word < 4; ++word)
    for (int shift = 60; shift >= 0; shift -= 4) out += "0123456789abcdef"[random_word(hash, word) >> shift & 15];
  return out;
}

Json model_entry(const Service& service) {
  Json out = Json::object();
  out.set("name", service.options.model_name + ":latest"), out.set("model", service.options.model_name + ":latest");
  out.set("modified_at", modified_at(service)), out.set("size", service.file.file_bytes());
  out.set("digest", digest(service.file));
  out.set("details", details(service));
  return out;
}

void respond_list(const std::shared_ptr<http::Exchange>& exchange, Json entry) {
  Json list = Json::array(), out = Json::object();
  list.push_back(std::move(entry));
  out.set("models", std::move(list));
  exchange->respond({.body = out.dump()});
}

}  // namespace

std::string timestamp(std::time_t time) {
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

void check_model(const Fields& fields, const Service& service) {
  std::string name = fields.text("model").value_or("");
  if (name.empty()) name = fields.has("name") ? fields.required_text("name") : fields.required_text("model");
  if (name.ends_with(":latest")) name.resize(name.size() - 7);
  if (!equal_ignoring_case(name, service.options.model_name))
    throw ApiError(404, cat("model '", name, "' not found, this server has ", service.options.model_name));
}

void tags(Service& service, const http::Request&, const std::shared_ptr<http::Exchange>& exchange) {
  respond_list(exchange, model_entry(service));
}

void running(Service& service, const http::Request&, const std::shared_ptr<http::Exchange>& exchange) {
  Json entry = model_entry(service);
  entry.set("expires_at", "9999-12-31T23:59:59Z"), entry.set("size_vram", 0);
  entry.set("context_length", service.engine.stats().context);
  respond_list(exchange, std::move(entry));
}

void show(Service& service, const http::Request& request, const std::shared_ptr<http::Exchange>& exchange) {
  const Json body = parse_body(request.body);
  check_model(Fields(body), service);
  Json out = Json::object(), capabilities = Json::array(), info = Json::object();
  capabilities.push_back("completion");
  if (service.chat_template != nullptr && service.chat_template->supports_tools()) capabilities.push_back("tools");
  if (service.chat_template != nullptr && service.chat_template->supports_thinking_switch())
    capabilities.push_back("thinking");
  if (service.engine.stats().max_drafts > 0) capabilities.push_back("draft");
  const Metadata& metadata = service.file.metadata();
  const std::string architecture = metadata.text("general.architecture");
  info.set("general.architecture", architecture);
  for (const std::string_view key : {"context_length", "embedding_length", "block_count"})
    if (const auto value =
            metadata.find_integer(cat(architecture, ".", key), 0, std::numeric_limits<int64_t>::max() / 2))
      info.set(cat(architecture, ".", key), *value);
  out.set("modelfile", ""), out.set("parameters", ""), out.set("template", service.template_source);
  out.set("details", details(service)), out.set("model_info", std::move(info));
  out.set("capabilities", std::move(capabilities)), out.set("modified_at", modified_at(service));
  exchange->respond({.body = out.dump()});
}

}  // namespace paceline::ollama
