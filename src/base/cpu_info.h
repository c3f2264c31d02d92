#pragma once
// What the machine under us is: the CPUs this process may use and the instruction sets they have. Linux only.

namespace paceline {

// CPUs in the affinity mask of the calling thread.
int usable_cpu_count();

// Distinct physical cores among them (hardware threads of one core count once); the default thread count.
int physical_core_count();

// Instruction sets a kernel table can be built for, worst first. Asks the CPU and whether the system saves the registers.
bool cpu_has_avx2();  // AVX2, FMA, F16C
bool cpu_has_avx_vnni();  // AVX-VNNI on top
bool cpu_has_avx512();  // AVX2 and AVX-512 F, BW, DQ, VL, VNNI

// What no instruction set says: how a core likes its memory read (device/cpu/kernels.h).
bool cpu_is_intel();
bool cpu_is_zen4();

}  // namespace paceline
