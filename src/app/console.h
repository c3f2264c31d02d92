#pragma once
// The program's three streams. Standard output carries results only, byte for byte; everything said to people goes to standard error.
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace paceline {

// Writes all of it at once; throws Error when standard output is closed or full.
void write_output(std::string_view bytes);

// One line for people: "paceline: TEXT", whatever the text quotes (a file's names, a request) made printable.
void say(std::string_view text);
// The same without decoration.
void say_raw(std::string_view text);

// All of standard input; throws Error when it cannot be read.
std::string read_input();
std::string read_file(const std::string& path);
void write_file(const std::string& path, std::string_view bytes);  // both throw Error with the path

// After a read or write of `descriptor` that failed: errno says that it was only interrupted, or not ready. Then waits until it is, for POLLIN
// or POLLOUT: whoever shares a pipe or a terminal with us may have made it non-blocking.
bool may_try_again(int descriptor, short events);

// A share done, on a terminal only (standard output is one, too) and when it takes more than half a second: one line that is drawn over.
// Ends with an empty line when it goes.
class ProgressLine {
 public:
  explicit ProgressLine(std::string label);
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  void show(double share);

 private:
  std::string label_;
  bool on_terminal_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  int shown_percent_ = -1;
};

}  // namespace paceline
