#pragma once
// What a program may do with a file that opened: touch every value of the metadata and decode every tensor.
#include "gguf/reader.h"

namespace paceline::test {

void read_everything(const GgufFile& file);

}  // namespace paceline::test
