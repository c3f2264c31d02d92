#pragma once
// Device::choose_drafts of the devices whose tensors ordinary code may read.
#include "device/device.h"

namespace paceline {

void choose_drafts_in_host_memory(Tensor out, Tensor lists, std::span<const DraftRule> rules);

}  // namespace paceline
