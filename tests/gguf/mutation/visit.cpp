#include "gguf/mutation/visit.h"

#include <algorithm>

namespace paceline::test {

namespace {

// A getter may refuse a value; anything but Error goes through.
template <class Call>
bool try_getter(const Call& call) {
  try {
    call();
    return true;
  } catch (const Error&) {
    return false;
  }
}

void read_value(const Metadata& metadata, const std::string& key) {
  try_getter([&] { metadata.integer(key, INT64_MIN, INT64_MAX); });
  try_getter([&] { metadata.number(key); });
  try_getter([&] { metadata.text(key); });
  try_getter([&] { metadata.text_array(key); });
  try_getter([&] { metadata.integer_array(key); });
  try_getter([&] { metadata.number_array(key); });
  try_getter([&] { metadata.find_bool(key); });
  try_getter([&] { metadata.find_text(key); });
}

// In pieces, so that the test itself needs no memory.
void decode_everything(const GgufTensor& tensor) {
  constexpr size_t kPiece = 4096;  // a multiple of every block size
  float values[kPiece];
  const FormatInfo& info = format_info(tensor.type);
  const auto total = static_cast<size_t>(tensor.rows()) * static_cast<size_t>(tensor.cols());
  for (size_t done = 0; done < total; done += kPiece)
    info.decode(
        tensor.bytes.data() + done / static_cast<size_t>(info.block_size) * static_cast<size_t>(info.block_bytes),
        values, std::min(kPiece, total - done));
}

}  // namespace

void read_everything(const GgufFile& file) {
  for (const auto& [key, value] : file.metadata().entries()) read_value(file.metadata(), key);
  for (const GgufTensor& tensor : file.tensors()) {
    PACELINE_ASSERT(file.find(tensor.name) == &tensor);
    PACELINE_ASSERT(tensor.bytes.size() == row_bytes(tensor.type, tensor.cols()) * static_cast<size_t>(tensor.rows()));
    decode_everything(tensor);
  }
}

}  // namespace paceline::test
