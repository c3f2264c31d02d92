#pragma once
// One loader per architecture file; registry.cpp lists them.
#include "model/model.h"

namespace paceline {

std::unique_ptr<Model> load_qwen35(const GgufFile& file, Device& device, const ModelOptions& options);
std::unique_ptr<Model> load_qwen3(const GgufFile& file, Device& device, const ModelOptions& options);

}  // namespace paceline
