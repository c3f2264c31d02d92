#include "device/cpu/dispatch.h"

#include "base/cpu_info.h"
#include "base/error.h"

namespace paceline::cpu {

const std::vector<InstructionSet>& instruction_sets() {
  static const std::vector<InstructionSet> sets = {
      {"scalar", [] { return true; }, scalar_kernels},
#if defined(__x86_64__)
      {"avx2", cpu_has_avx2, avx2_kernels},
      {"avx_vnni", cpu_has_avx_vnni, avx_vnni_kernels},
      {"avx512", cpu_has_avx512, avx512_kernels},
#endif
  };
  return sets;
}

Kernels choose_kernels(const std::string& name) {
  const InstructionSet* best = nullptr;
  std::string known;
  for (const InstructionSet& set : instruction_sets()) {
    const bool named = name == set.name;
    if (named && !set.supported()) fail("instruction set ", name, ": this machine does not have it");
    if (named || (name.empty() && set.supported())) best = &set;
    known += cat(known.empty() ? "" : ", ", set.name);
  }
  if (best == nullptr) fail("instruction set \"", name, "\" is unknown; there are: ", known);
  Kernels kernels = best->kernels();
  kernels.reading = cpu_is_intel()  ? WeightReading::Streams
                    : cpu_is_zen4() ? WeightReading::Hardware
                                    : WeightReading::Ahead;
  return kernels;
}

}  // namespace paceline::cpu
