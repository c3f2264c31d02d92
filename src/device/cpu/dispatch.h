#pragma once
// Choosing the instruction set once, at start.
#include <string>
#include <vector>

#include "device/cpu/kernels.h"

namespace paceline::cpu {

// One per instruction set. Calling these, or an entry of their tables, on a machine that lacks the set is an illegal instruction.
Kernels scalar_kernels();
Kernels avx2_kernels();
Kernels avx_vnni_kernels();
Kernels avx512_kernels();

// The sets of this build, worst first, and whether this machine has them.
struct InstructionSet {
  const char* name;
  bool (*supported)();
  Kernels (*kernels)();
};
const std::vector<InstructionSet>& instruction_sets();

// The table named, or the best the machine has for "", and how this machine likes its memory read. Throws Error for unknown names (with the
// known ones) and for sets the machine lacks.
Kernels choose_kernels(const std::string& name);

}  // namespace paceline::cpu
