#include "gguf/writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <set>

#include "gguf/reader.h"

namespace paceline {

namespace {

namespace fs = std::filesystem;

constexpr uint64_t kAlignment = 32;
constexpr size_t kBufferBytes = 1 << 20;

uint64_t padded(uint64_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

template <class Number>
void put(std::string& out, Number value) {
  char bytes[sizeof value];
  std::memcpy(bytes, &value, sizeof value);
  out.append(bytes, sizeof value);
}

void put_text(std::string& out, std::string_view text) {
  put(out, static_cast<uint64_t>(text.size()));
  out += text;
}

void put_array(std::string& out, const GgufArray& array) {
  put(out, static_cast<uint32_t>(array.type));
  put(out, static_cast<uint64_t>(array.size()));
  for (const std::string& text : array.texts) put_text(out, text);
  out.append(reinterpret_cast<const char*>(array.packed.data()), array.packed.size());
}

void put_value(std::string& out, const GgufValue& value) {
  put(out, static_cast<uint32_t>(value.type));
  if (const auto* text = std::get_if<std::string>(&value.data)) return put_text(out, *text);
  if (const auto* array = std::get_if<GgufArray>(&value.data)) return put_array(out, *array);
  if (const auto* flag = std::get_if<bool>(&value.data)) return put(out, static_cast<uint8_t>(*flag));
  if (value.type == GgufType::F32) return put(out, static_cast<float>(std::get<double>(value.data)));
  if (value.type == GgufType::F64) return put(out, std::get<double>(value.data));
  // Little-endian two's complement: the low bytes of the widened value are the narrow one.
  const auto* whole = std::get_if<uint64_t>(&value.data);
  const uint64_t bits = whole != nullptr ? *whole : static_cast<uint64_t>(std::get<int64_t>(value.data));
  out.append(reinterpret_cast<const char*>(&bits), gguf_value_bytes(value.type));
}

// The file to be written or replaced: `path`, or what its links lead to. Renaming would put a file in the place of a device, too.
std::string destination_of(const std::string& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (status.type() == fs::file_type::none) fail(path, ": cannot create: ", error.message());
  if (fs::is_directory(status)) fail(path, ": is a folder, expected a file");
  if (fs::exists(status) && !fs::is_regular_file(status)) fail(path, ": is not a regular file");
  fs::path place = path;
  while (fs::is_symlink(place, error)) place = place.parent_path() / fs::read_symlink(place, error);
  return place.string();
}

}  // namespace

struct GgufWriter::State {
  std::string path, part_path;
  int descriptor = -1;
  Metadata metadata{""};
  std::vector<GgufTensor> tensors;  // bytes unused
  std::vector<uint64_t> tensor_bytes;
  std::set<std::string, std::less<>> names;
  bool header_written = false;
  size_t current = 0;  // tensor being written
  uint64_t current_bytes = 0;  // of it, so far
  std::string buffer;

  void flush();
  void append(const char* bytes, size_t count);
  void write_header();
};

void GgufWriter::State::flush() {
  size_t done = 0;
  while (done < buffer.size()) {
    const ssize_t count = ::write(descriptor, buffer.data() + done, buffer.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail(part_path, ": cannot write: ", std::strerror(errno));
    done += static_cast<size_t>(count);
  }
  buffer.clear();
}

void GgufWriter::State::append(const char* bytes, size_t count) {
  while (count > 0) {
    const size_t piece = std::min(count, kBufferBytes - std::min(kBufferBytes, buffer.size()));
    buffer.append(bytes, piece);
    bytes += piece, count -= piece;
    if (buffer.size() >= kBufferBytes) flush();
  }
}

void GgufWriter::State::write_header() {
  header_written = true;
  std::string head = "GGUF";
  put(head, uint32_t{3});
  put(head, static_cast<uint64_t>(tensors.size()));
  put(head, static_cast<uint64_t>(metadata.entries().size()));
  for (const auto& [key, value] : metadata.entries()) {
    put_text(head, key);
    put_value(head, value);
  }
  uint64_t offset = 0;
  for (size_t i = 0; i < tensors.size(); ++i) {
    put_text(head, tensors[i].name);
    put(head, static_cast<uint32_t>(tensors[i].ne.size()));
    for (const int64_t extent : tensors[i].ne) put(head, extent);
    put(head, static_cast<uint32_t>(tensors[i].type));
    put(head, offset);
    offset += padded(tensor_bytes[i]);
  }
  head.resize(padded(head.size()));
  append(head.data(), head.size());
}

std::string GgufWriter::part_path(const std::string& path) { return destination_of(path) + ".part"; }

GgufWriter::GgufWriter(const std::string& path) : state_(std::make_unique<State>()) {
  state_->path = destination_of(path);
  state_->part_path = part_path(path);
  state_->metadata = Metadata(path);
  state_->descriptor = ::open(state_->part_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (state_->descriptor < 0) fail(state_->part_path, ": cannot create: ", std::strerror(errno));
}

GgufWriter::~GgufWriter() {
  if (state_->descriptor < 0) return;
  ::close(state_->descriptor);
  ::unlink(state_->part_path.c_str());
}

void GgufWriter::add(std::string key, GgufValue value) {
  PACELINE_ASSERT(!state_->header_written);
  if (key == "general.alignment" && value.integer() != static_cast<int64_t>(kAlignment))
    fail(state_->path, ": key general.alignment cannot be anything but ", kAlignment, " here");
  state_->metadata.add(std::move(key), std::move(value));
}

void GgufWriter::add_text(std::string key, std::string value) {
  add(std::move(key), {GgufType::String, std::move(value)});
}
void GgufWriter::add_u32(std::string key, uint32_t value) { add(std::move(key), {GgufType::U32, uint64_t{value}}); }
void GgufWriter::add_f32(std::string key, float value) {
  add(std::move(key), {GgufType::F32, static_cast<double>(value)});
}
void GgufWriter::add_bool(std::string key, bool value) { add(std::move(key), {GgufType::Bool, value}); }

void GgufWriter::add_text_array(std::string key, std::vector<std::string> values) {
  add(std::move(key), {GgufType::Array, GgufArray{GgufType::String, std::move(values), {}}});
}

void GgufWriter::add_i32_array(std::string key, const std::vector<int32_t>& values) {
  const auto* bytes = reinterpret_cast<const std::byte*>(values.data());
  add(std::move(key),
      {GgufType::Array, GgufArray{GgufType::I32, {}, {bytes, bytes + values.size() * sizeof(int32_t)}}});
}

void GgufWriter::declare(std::string name, QuantType type, std::vector<int64_t> ne) {
  PACELINE_ASSERT(!state_->header_written);
  const FormatInfo& info = format_info(type);
  if (name.empty() || name.size() > 63)
    fail(state_->path, ": tensor name \"", name, "\" has ", name.size(), " bytes, expected 1 to 63");
  if (ne.empty() || ne.size() > 4) fail(state_->path, ": ", name, " has ", ne.size(), " dimensions, expected 1 to 4");
  if (std::any_of(ne.begin(), ne.end(), [](int64_t extent) { return extent < 1; }))
    fail(state_->path, ": ", name, " has an extent below 1");
  if (ne[0] % info.block_size != 0)
    fail(state_->path, ": ", name, " has ", ne[0], " columns, expected a multiple of ", info.block_size, " (",
         info.name, ")");
  if (!state_->names.insert(name).second) fail(state_->path, ": tensor ", name, " is declared twice");
  const GgufTensor tensor{std::move(name), type, std::move(ne), {}};
  state_->tensor_bytes.push_back(row_bytes(type, tensor.cols()) * static_cast<uint64_t>(tensor.rows()));
  state_->tensors.push_back(tensor);
}

void GgufWriter::write(std::span<const std::byte> bytes) {
  State& state = *state_;
  if (!state.header_written) state.write_header();
  while (!bytes.empty()) {
    if (state.current == state.tensors.size())
      fail(state.path, ": ", bytes.size(), " bytes more than the declared tensors have");
    const uint64_t missing = state.tensor_bytes[state.current] - state.current_bytes;
    const size_t piece = static_cast<size_t>(std::min<uint64_t>(bytes.size(), missing));
    state.append(reinterpret_cast<const char*>(bytes.data()), piece);
    bytes = bytes.subspan(piece);
    state.current_bytes += piece;
    if (piece < missing) continue;
    static constexpr char kZeros[kAlignment] = {};
    state.append(kZeros, static_cast<size_t>(padded(state.current_bytes) - state.current_bytes));
    ++state.current, state.current_bytes = 0;
  }
}

void GgufWriter::finish() {
  State& state = *state_;
  if (!state.header_written) state.write_header();
  if (state.current != state.tensors.size())
    fail(state.path, ": ", state.tensors[state.current].name, " has ", state.current_bytes, " of ",
         state.tensor_bytes[state.current], " bytes, ", state.tensors.size() - state.current,
         " tensors are unfinished");
  state.flush();
  const int closed = ::close(state.descriptor);
  state.descriptor = -1;
  if (closed != 0 || std::rename(state.part_path.c_str(), state.path.c_str()) != 0) {
    const int reason = errno;
    ::unlink(state.part_path.c_str());
    fail(state.path, ": cannot finish the file: ", std::strerror(reason));
  }
}

}  // namespace paceline
