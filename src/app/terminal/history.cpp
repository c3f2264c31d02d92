#include "app/terminal/history.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/strings.h"
#include "base/utf8.h"

namespace paceline {

namespace fs = std::filesystem;

namespace {

std::string escaped(std::string_view entry) {
  std::string out;
  for (const char c : entry) {
    if (c == '\n') out += "\\n";
    else if (c == '\\') out += "\\\\";
    else out += c;
  }
  return out;
}

std::string unescaped(std::string_view line) {
  std::string out;
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\\' && i + 1 < line.size()) out += line[++i] == 'n' ? '\n' : line[i];
    else out += line[i];
  }
  return replace_invalid_utf8(out);
}

std::string folder_from(const char* variable, const char* below) {
  const char* value = std::getenv(variable);
  return value == nullptr || value[0] != '/' ? "" : cat(value, below);
}

bool write_private_file(const std::string& path, int mode, const std::string& content) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | mode, 0600);
  if (descriptor < 0) return false;
  const ssize_t written = ::write(descriptor, content.data(), content.size());
  const bool is_closed = ::close(descriptor) == 0;
  return is_closed && written == static_cast<ssize_t>(content.size());
}

}  // namespace

std::string history_file() {
  std::string folder = folder_from("XDG_STATE_HOME", "/paceline");
  if (folder.empty()) folder = folder_from("HOME", "/.local/state/paceline");
  return folder.empty() ? "" : folder + "/history";
}

History::History(std::string path) : path_(std::move(path)) { load(); }

void History::load() {
  std::ifstream file(path_);
  std::string line;
  size_t bytes = 0;
  while (std::getline(file, line))
    if (!line.empty() && line.size() <= 2 * kMostEntryBytes)
      entries_.push_back(unescaped(line)), bytes += line.size() + 1;
  if (entries_.size() <= kMostEntries && bytes <= kMostFileBytes) return;
  size_t dropped = 0;
  while (entries_.size() - dropped > kMostEntries || bytes > kMostFileBytes)
    bytes -= std::min(bytes, escaped(entries_[dropped++]).size() + 1);
  entries_.erase(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(dropped));
  rewrite();
}

void History::add(std::string_view entry) {
  if (entry.find_first_not_of(" \n\t") == std::string_view::npos || entry.size() > kMostEntryBytes) return;
  if (!entries_.empty() && entries_.back() == entry) return;
  entries_.emplace_back(entry);
  if (entries_.size() > kMostEntries) entries_.erase(entries_.begin());
  if (path_.empty()) return;
  std::error_code error;
  fs::create_directories(fs::path(path_).parent_path(), error);
  write_private_file(path_, O_APPEND, escaped(entry) + "\n");
}

// A new file takes the old one's place at once: no reader ever sees half of it.
void History::rewrite() const {
  std::string content;
  for (const std::string& entry : entries_) content += escaped(entry) + "\n";
  const std::string fresh = cat(path_, ".", ::getpid());
  std::error_code error;
  if (write_private_file(fresh, O_TRUNC, content)) fs::rename(fresh, path_, error);
  else fs::remove(fresh, error);
}

}  // namespace paceline
