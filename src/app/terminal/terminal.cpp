#include "app/terminal/terminal.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <string_view>

#include "app/console.h"
#include "base/error.h"

namespace paceline {

namespace {

// What signal handlers touch. The pipe wakes poll() whichever thread a signal hits.
std::atomic<bool> interrupt_flag{false}, resize_flag{false};
std::atomic<int> unanswered_interrupts{0};
std::array<int, 2> wake_pipe{-1, -1};

void wake() {
  const int saved_errno = errno;
  const char byte = 0;
  // A full pipe wakes as well as one more byte would.
  [[maybe_unused]] const ssize_t written = ::write(wake_pipe[1], &byte, 1);
  errno = saved_errno;
}

void on_interrupt(int signal) {
  if (++unanswered_interrupts >= 3) return end_by(signal);
  interrupt_flag = true;
  wake();
}

void on_resize(int) {
  resize_flag = true;
  wake();
}

void handle(int signal, void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  ::sigemptyset(&action.sa_mask);
  ::sigaction(signal, &action, nullptr);
}

void drain_wake_pipe() {
  char bytes[64];
  while (::read(wake_pipe[0], bytes, sizeof bytes) > 0) {
  }
}

}  // namespace

bool is_conversation_possible() { return ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1; }
bool output_is_terminal() { return ::isatty(STDOUT_FILENO) == 1; }

bool has_cursor_control() {
  const char* name = std::getenv("TERM");
  return name != nullptr && name[0] != '\0' && std::string_view(name) != "dumb";
}

TerminalSize terminal_size() {
  TerminalSize size;
  winsize window{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0) {
    if (window.ws_col > 0) size.columns = window.ws_col;
    if (window.ws_row > 0) size.rows = window.ws_row;
  }
  return size;
}

TerminalGuard::TerminalGuard(TerminalMode mode) {
  termios now{};
  if (::tcgetattr(STDIN_FILENO, &now) != 0) return;
  before_ = now;
  remember_usual_mode(now);
  now.c_lflag &= ~static_cast<tcflag_t>(ECHO | ICANON);
  if (mode == TerminalMode::Edit) {
    now.c_lflag &= ~static_cast<tcflag_t>(ISIG | IEXTEN);
    now.c_iflag &= ~static_cast<tcflag_t>(ICRNL | IXON | INPCK | ISTRIP);
  }
  now.c_cc[VMIN] = 1, now.c_cc[VTIME] = 0;
  ::tcsetattr(STDIN_FILENO, TCSADRAIN, &now);
}

TerminalGuard::~TerminalGuard() {
  if (before_) ::tcsetattr(STDIN_FILENO, TCSADRAIN, &*before_);
}

SignalWatch::SignalWatch() {
  PACELINE_ASSERT(wake_pipe[0] < 0);
  if (::pipe2(wake_pipe.data(), O_CLOEXEC | O_NONBLOCK) != 0) fail("cannot open a pipe for signals");
  interrupt_flag = resize_flag = false;
  unanswered_interrupts = 0;
  handle(SIGINT, on_interrupt);
  handle(SIGWINCH, on_resize);
}

SignalWatch::~SignalWatch() {
  for (const int signal : {SIGINT, SIGWINCH}) handle(signal, SIG_DFL);
  for (int& end : wake_pipe) ::close(end), end = -1;
}

const std::atomic<bool>& SignalWatch::interrupted() const { return interrupt_flag; }

void SignalWatch::clear_interrupt() {
  interrupt_flag = false;
  unanswered_interrupts = 0;
}

Wake wait_for_input(int timeout_ms) {
  std::array<pollfd, 2> waited = {{{STDIN_FILENO, POLLIN, 0}, {wake_pipe[0], POLLIN, 0}}};
  while (true) {
    const int ready = ::poll(waited.data(), waited.size(), timeout_ms);
    if (waited[1].revents != 0) drain_wake_pipe();
    if (resize_flag.exchange(false)) return Wake::Resize;
    if (interrupt_flag) return Wake::Interrupt;
    if (ready == 0) return Wake::TimedOut;
    if (ready > 0 && waited[0].revents != 0) return Wake::Input;
  }
}

std::optional<std::string> read_typed() {
  char bytes[4096];
  ssize_t got = 0;
  do got = ::read(STDIN_FILENO, bytes, sizeof bytes);
  while (got < 0 && may_try_again(STDIN_FILENO, POLLIN));
  if (got <= 0) return std::nullopt;  // also EIO: the terminal is gone
  return std::string(bytes, static_cast<size_t>(got));
}

void suspend_program() { ::raise(SIGTSTP); }

}  // namespace paceline
