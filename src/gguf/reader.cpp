#include "gguf/reader.h"

#include <algorithm>
#include <functional>
#include <map>
#include <unordered_map>

#include "base/mapped_file.h"
#include "gguf/parse.h"
#include "gguf/split.h"

namespace paceline {

namespace {

constexpr int kMaxParts = 1000;

}  // namespace

struct GgufFile::Contents {
  std::string path;
  std::vector<MappedFile> files;  // empty when the bytes are someone else's
  int version = 0;
  uint64_t alignment = 0, file_bytes = 0;
  Metadata metadata{""};
  std::vector<GgufTensor> tensors;
  std::unordered_map<std::string_view, const GgufTensor*> by_name;

  void take_first(GgufPart part);
  void add_part(const std::string& part_path, int64_t number, int64_t count, GgufBudget& budget);
  void add_other_parts(GgufBudget& budget);
  void index_tensors();
  const MappedFile* file_of(const GgufTensor& tensor) const;
};

int64_t GgufTensor::rows() const {
  int64_t product = 1;
  for (size_t i = 1; i < ne.size(); ++i) product *= ne[i];
  return product;
}

std::string GgufTensor::shape() const {
  std::string out;
  for (const int64_t extent : ne) out += cat(out.empty() ? "" : "x", extent);
  return out;
}

void GgufFile::Contents::take_first(GgufPart part) {
  version = part.version;
  alignment = part.alignment;
  metadata = std::move(part.metadata);
  tensors = std::move(part.tensors);
}

void GgufFile::Contents::add_part(const std::string& part_path, int64_t number, int64_t count, GgufBudget& budget) {
  files.emplace_back(part_path);
  GgufPart part = parse_gguf(part_path, files.back().bytes(), budget);
  part.metadata.integer("split.no", number, number);
  part.metadata.integer("split.count", count, count);
  file_bytes += files.back().bytes().size();
  std::move(part.tensors.begin(), part.tensors.end(), std::back_inserter(tensors));
}

void GgufFile::Contents::add_other_parts(GgufBudget& budget) {
  const int64_t count = metadata.find_integer("split.count", 0, kMaxParts).value_or(1);
  if (count <= 1) return;
  const std::optional<SplitName> name = parse_split_name(path);
  if (!name || name->count != count)
    fail(path, ": is part of a split of ", count, " files, expected a name that ends in -00001-of-",
         split_path("", 1, static_cast<int>(count)).substr(10));
  if (metadata.integer("split.no", 0, count - 1) != 0 || name->number != 1)
    fail(path, ": is part ", name->number, " of ", count, "; give the first part, ",
         split_path(name->prefix, 1, name->count));
  for (int number = 2; number <= count; ++number)
    add_part(split_path(name->prefix, number, name->count), number - 1, count, budget);
  const int64_t total =
      metadata.find_integer("split.tensors.count", 0, INT32_MAX).value_or(static_cast<int64_t>(tensors.size()));
  if (total != static_cast<int64_t>(tensors.size()))
    fail(path, ": the ", count, " parts have ", tensors.size(), " tensors, expected ", total, " (split.tensors.count)");
}

void GgufFile::Contents::index_tensors() {
  by_name.reserve(tensors.size());
  for (const GgufTensor& tensor : tensors)
    if (!by_name.emplace(tensor.name, &tensor).second) fail(path, ": tensor ", tensor.name, " appears twice");
}

const MappedFile* GgufFile::Contents::file_of(const GgufTensor& tensor) const {
  const std::less_equal<const std::byte*> not_after;
  for (const MappedFile& file : files) {
    const std::byte* begin = file.bytes().data();
    if (not_after(begin, tensor.bytes.data()) && not_after(tensor.bytes.data(), begin + file.bytes().size() - 1))
      return &file;
  }
  return nullptr;
}

GgufFile GgufFile::open(const std::string& path) {
  auto contents = std::make_unique<Contents>();
  contents->path = path;
  contents->files.emplace_back(path);
  contents->file_bytes = contents->files[0].bytes().size();
  GgufBudget budget;
  contents->take_first(parse_gguf(path, contents->files[0].bytes(), budget));
  contents->add_other_parts(budget);
  contents->index_tensors();
  for (const MappedFile& file : contents->files)
    if (!file.still_whole())
      fail(file.path(), ": became shorter while it was being opened; wait for its download to finish");
  return GgufFile(std::move(contents));
}

GgufFile GgufFile::from_bytes(const std::string& name, std::span<const std::byte> bytes) {
  auto contents = std::make_unique<Contents>();
  contents->path = name;
  contents->file_bytes = bytes.size();
  GgufBudget budget;
  contents->take_first(parse_gguf(name, bytes, budget));
  if (contents->metadata.find_integer("split.count", 0, kMaxParts).value_or(1) > 1)
    fail(name, ": is part of a split file");
  contents->index_tensors();
  return GgufFile(std::move(contents));
}

GgufFile::GgufFile(std::unique_ptr<Contents> contents) : contents_(std::move(contents)) {}
GgufFile::GgufFile(GgufFile&&) noexcept = default;
GgufFile& GgufFile::operator=(GgufFile&&) noexcept = default;
GgufFile::~GgufFile() = default;

const std::string& GgufFile::path() const { return contents_->path; }
int GgufFile::version() const { return contents_->version; }
uint64_t GgufFile::alignment() const { return contents_->alignment; }
uint64_t GgufFile::file_bytes() const { return contents_->file_bytes; }
const Metadata& GgufFile::metadata() const { return contents_->metadata; }
std::span<const GgufTensor> GgufFile::tensors() const { return contents_->tensors; }

const GgufTensor* GgufFile::find(std::string_view name) const {
  const auto at = contents_->by_name.find(name);
  return at == contents_->by_name.end() ? nullptr : at->second;
}

void GgufFile::will_need(const GgufTensor& tensor) const {
  if (const MappedFile* file = contents_->file_of(tensor)) file->will_need(tensor.bytes);
}

void GgufFile::done_with(const GgufTensor& tensor) const {
  if (const MappedFile* file = contents_->file_of(tensor)) file->done_with(tensor.bytes);
}

std::string main_quantization(const GgufFile& file) {
  std::map<std::string_view, uint64_t> bytes;
  for (const GgufTensor& tensor : file.tensors()) bytes[format_info(tensor.type).name] += tensor.bytes.size();
  const auto fewer = [](const auto& a, const auto& b) { return a.second < b.second; };
  const auto most = std::max_element(bytes.begin(), bytes.end(), fewer);  // the first of equals
  return most == bytes.end() ? "" : std::string(most->first);
}

}  // namespace paceline
