#include "app/console.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "base/utf8.h"

namespace paceline {

namespace {

constexpr std::chrono::milliseconds kQuietTime(500);

// "" or the reason why not everything could be written.
std::string write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && may_try_again(descriptor, POLLOUT)) continue;
    if (written < 0) return std::strerror(errno);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return "";
}

std::string read_all(int descriptor, const std::string& name) {
  std::string text;
  char buffer[1 << 16];
  while (true) {
    const ssize_t got = ::read(descriptor, buffer, sizeof buffer);
    if (got < 0 && may_try_again(descriptor, POLLIN)) continue;
    if (got < 0) fail("cannot read ", name, ": ", std::strerror(errno));
    if (got == 0) return text;
    text.append(buffer, static_cast<size_t>(got));
  }
}

}  // namespace

bool may_try_again(int descriptor, short events) {
  if (errno == EINTR) return true;
  if (errno != EAGAIN) return false;
  pollfd waited{descriptor, events, 0};
  ::poll(&waited, 1, -1);
  return true;
}

void write_output(std::string_view bytes) {
  const std::string problem = write_all(STDOUT_FILENO, bytes);
  if (!problem.empty()) fail("cannot write to standard output: ", problem);
}

void say(std::string_view text) { say_raw(cat("paceline: ", printable(text, "\n\t"), "\n")); }

// Nobody is left to hear of a failure here.
void say_raw(std::string_view text) { write_all(STDERR_FILENO, text); }

std::string read_input() { return read_all(STDIN_FILENO, "standard input"); }

void write_file(const std::string& path, std::string_view bytes) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  std::string trouble = descriptor < 0 ? std::strerror(errno) : write_all(descriptor, bytes);
  if (descriptor >= 0 && ::close(descriptor) != 0 && trouble.empty()) trouble = std::strerror(errno);
  if (!trouble.empty()) fail("cannot write ", path, ": ", trouble);
}

std::string read_file(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) fail("cannot open ", path, ": ", std::strerror(errno));
  struct Closer {
    int descriptor;
    ~Closer() { ::close(descriptor); }
  } closer{descriptor};
  return read_all(descriptor, path);
}

ProgressLine::ProgressLine(std::string label)
    : label_(std::move(label)), on_terminal_(::isatty(STDERR_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1) {}

ProgressLine::~ProgressLine() {
  if (shown_percent_ >= 0) say_raw("\r\x1b[K");
}

void ProgressLine::show(double share) {
  const int percent = static_cast<int>(share * 100);
  if (!on_terminal_ || percent == shown_percent_) return;
  if (std::chrono::steady_clock::now() - start_ < kQuietTime) return;
  shown_percent_ = percent;
  std::string bar(static_cast<size_t>(percent) * 3 / 10, '#');
  bar.resize(30, '.');
  say_raw(cat("\r", label_, " [", bar, "] ", percent, " %\x1b[K"));
}

}  // namespace paceline
