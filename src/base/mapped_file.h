#pragma once
// A whole file mapped read-only (shared, so processes that use one model share its memory). The size is that of the file when it
// was opened. Truncating a file while it is mapped makes reads past the new end fatal (SIGBUS): replace model files by renaming, as
// our own writer and downloader do; still_whole() tells whether it has happened so far.
#include <cstddef>
#include <span>
#include <string>
#include <utility>

namespace paceline {

class MappedFile {
 public:
  // Throws Error naming the file and the reason: missing, unreadable, a folder, empty.
  explicit MappedFile(const std::string& path);
  MappedFile(MappedFile&& other) noexcept { swap(other); }
  MappedFile& operator=(MappedFile&& other) noexcept {
    swap(other);
    return *this;
  }
  ~MappedFile();

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  const std::string& path() const { return path_; }
  // False when the file has been shortened since it was opened.
  bool still_whole() const;

  // Hints for a part of bytes(): will be read soon, front to back / is not needed for now (clean pages may be dropped).
  void will_need(std::span<const std::byte> part) const;
  void done_with(std::span<const std::byte> part) const;

 private:
  void swap(MappedFile& other) noexcept;
  void advise(std::span<const std::byte> part, int advice) const;

  std::string path_;
  int descriptor_ = -1;
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace paceline
