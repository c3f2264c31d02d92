#pragma once
// Lines entered before, oldest first, kept in a file of one entry per line (line breaks as \n, backslashes doubled). Bounded in number
// and size; readable by its owner only; entries are appended, so that several chats may share it. A history that cannot be read or written is no reason to fail.
#include <string>
#include <string_view>
#include <vector>

namespace paceline {

// XDG_STATE_HOME/paceline/history or ~/.local/state/paceline/history; "" when neither is known.
std::string history_file();

class History {
 public:
  static constexpr size_t kMostEntries = 1000, kMostEntryBytes = 64 << 10, kMostFileBytes = 4 << 20;

  // `path` "": kept in memory only.
  explicit History(std::string path);
  const std::vector<std::string>& entries() const { return entries_; }
  // Blank entries, repetitions of the last one and very long ones are left out.
  void add(std::string_view entry);

 private:
  void load();
  void rewrite() const;

  std::string path_;
  std::vector<std::string> entries_;
};

}  // namespace paceline
