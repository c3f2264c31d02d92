#pragma once
// The emulated device's memory: one reservation of address space that can be touched while kernels and copies run, and not by the host
// between them. Pieces lie 256 bytes apart at least, with a guard behind each that is checked when it is freed.
#include <cstddef>

namespace cuda_emulator {

// 8 GiB, or as many MiB as CUDA_EMULATOR_MIB says.
size_t device_memory_bytes();
const void* device_memory_begin();

// Poisoned with 0xff. Null when the device is full.
void* allocate_device_memory(size_t bytes);
// False for an address that allocate_device_memory() did not give. Throws Violation when the piece's guard was overwritten.
bool free_device_memory(void* memory);
bool is_device_memory(const void* memory);
// Whether all of these bytes belong to one piece.
bool is_allocated(const void* memory, size_t bytes);
size_t free_device_bytes();

// Device memory can be touched while one of these lives.
class DeviceMemoryAccess {
 public:
  DeviceMemoryAccess();
  ~DeviceMemoryAccess();
  DeviceMemoryAccess(const DeviceMemoryAccess&) = delete;
  DeviceMemoryAccess& operator=(const DeviceMemoryAccess&) = delete;
};

}  // namespace cuda_emulator
