#pragma once
// Packing of weights into panels in fragment order (fragment_layout.h). Ordinary code: it runs, and is tested, without a GPU.
#include <cstddef>

#include "device/cuda/packing/fragment_layout.h"

namespace paceline::cuda {

// Packs 16 rows of `cols` columns in the file's form (nullptr: a row that does not exist, packed as zeros) into panel_bytes(type, cols)
// bytes, all of which are written.
void pack_panel(QuantType type, const std::byte* const (&rows)[kPanelRows], int cols, std::byte* panel);

}  // namespace paceline::cuda
