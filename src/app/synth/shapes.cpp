#include "app/synth/shapes.h"

#include "base/error.h"

namespace paceline::synth {

namespace {

constexpr int kVocab = 248320, kSpecials = 248044, kContext = 262144;
constexpr int kTinyVocab = 20480, kTinySpecials = kTinyVocab - 64;

constexpr ModelShape kShapes[] = {
    {"tiny", "qwen35", 256, 4, 4, 1, 64, 512, 2, 4, 128, false, 0, 0, 0, kTinyVocab, kTinySpecials, 32768},
    {"0.8B", "qwen35", 1024, 24, 8, 2, 256, 3584, 16, 16, 128, true, 0, 0, 0, kVocab, kSpecials, kContext},
    {"2B", "qwen35", 2048, 24, 8, 2, 256, 6144, 16, 16, 128, true, 0, 0, 0, kVocab, kSpecials, kContext},
    {"4B", "qwen35", 2560, 32, 16, 4, 256, 9216, 16, 32, 128, true, 0, 0, 0, kVocab, kSpecials, kContext},
    {"9B", "qwen35", 4096, 32, 16, 4, 256, 12288, 16, 32, 128, false, 0, 0, 0, kVocab, kSpecials, kContext},
    {"27B", "qwen35", 5120, 64, 24, 4, 256, 17408, 16, 48, 128, false, 0, 0, 0, kVocab, kSpecials, kContext},
    {"35B-A3B", "qwen35moe", 2048, 40, 16, 2, 256, 0, 16, 32, 128, false, 256, 8, 512, kVocab, kSpecials, kContext},
};

}  // namespace

std::span<const ModelShape> all_shapes() { return kShapes; }

std::vector<std::string> shape_names() {
  std::vector<std::string> names;
  for (const ModelShape& shape : kShapes) names.emplace_back(shape.name);
  return names;
}

const ModelShape& find_shape(std::string_view name) {
  std::string known;
  for (const ModelShape& shape : kShapes) {
    if (shape.name == name) return shape;
    known += cat(known.empty() ? "" : ", ", shape.name);
  }
  throw UsageError(cat("--shape: unknown shape \"", name, "\", expected one of ", known));
}

}  // namespace paceline::synth
