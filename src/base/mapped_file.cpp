#include "base/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "base/error.h"

namespace paceline {

namespace {

struct stat status_of(int descriptor) {
  struct stat status = {};
  if (::fstat(descriptor, &status) != 0) status.st_size = 0;
  return status;
}

}  // namespace

MappedFile::MappedFile(const std::string& path) : path_(path) {
  // O_NONBLOCK means nothing to a regular file; a pipe that nobody writes to would hold us up before it is refused.
  descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor_ < 0) fail(path, ": cannot open: ", std::strerror(errno));
  try {
    const struct stat status = status_of(descriptor_);
    if (S_ISDIR(status.st_mode)) fail(path, ": is a folder, expected a file");
    if (!S_ISREG(status.st_mode)) fail(path, ": is not a regular file");
    if (status.st_size == 0) fail(path, ": is empty");
    size_ = static_cast<size_t>(status.st_size);
    void* data = ::mmap(nullptr, size_, PROT_READ, MAP_SHARED, descriptor_, 0);
    if (data == MAP_FAILED) fail(path, ": cannot map ", human_bytes(size_), ": ", std::strerror(errno));
    data_ = static_cast<const std::byte*>(data);
  } catch (...) {
    ::close(descriptor_);
    throw;
  }
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
  if (descriptor_ >= 0) ::close(descriptor_);
}

void MappedFile::swap(MappedFile& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(descriptor_, other.descriptor_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
}

bool MappedFile::still_whole() const {
  return descriptor_ >= 0 && static_cast<size_t>(status_of(descriptor_).st_size) >= size_;
}

void MappedFile::will_need(std::span<const std::byte> part) const { advise(part, MADV_WILLNEED); }
void MappedFile::done_with(std::span<const std::byte> part) const { advise(part, MADV_DONTNEED); }

// Advice covers whole pages; a failed hint changes nothing, so its result is not looked at.
void MappedFile::advise(std::span<const std::byte> part, int advice) const {
  if (part.empty()) return;
  PACELINE_ASSERT(part.data() >= data_ && part.data() + part.size() <= data_ + size_);
  const size_t page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  const size_t begin = static_cast<size_t>(part.data() - data_), aligned = begin / page * page;
  ::madvise(const_cast<std::byte*>(data_) + aligned, begin - aligned + part.size(), advice);
}

}  // namespace paceline
