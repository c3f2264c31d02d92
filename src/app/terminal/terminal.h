#pragma once
// The terminal behind standard input and output: its size, its modes, and the signals that concern it. Whatever mode it is in, it is put
// back when the guard goes and when a signal ends the program.
#include <termios.h>

#include <atomic>
#include <optional>
#include <string>

#include "app/termination.h"

namespace paceline {

// Both standard input and standard output are terminals.
bool is_conversation_possible();
bool output_is_terminal();
// Cursor movements work: TERM is set and not "dumb".
bool has_cursor_control();

struct TerminalSize {
  int columns = 80, rows = 24;
};
TerminalSize terminal_size();

enum class TerminalMode {
  Edit,  // every key comes as bytes, nothing is echoed, Ctrl-C is a key
  Quiet,  // while the program writes: nothing is echoed, Ctrl-C is SIGINT, what is typed waits
};

// Changes the mode of the terminal on standard input for its own lifetime.
class TerminalGuard {
 public:
  explicit TerminalGuard(TerminalMode mode);
  ~TerminalGuard();
  TerminalGuard(const TerminalGuard&) = delete;
  TerminalGuard& operator=(const TerminalGuard&) = delete;

 private:
  std::optional<termios> before_;
};

// For its lifetime SIGINT sets a flag instead of ending the program (the third one without an answer ends it all the same) and SIGWINCH
// wakes wait_for_input; other signals put the terminal back and end it. At most one at a time.
class SignalWatch {
 public:
  SignalWatch();
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

  const std::atomic<bool>& interrupted() const;
  void clear_interrupt();

 private:
  TerminationWatch ending_;
};

enum class Wake { Input, Resize, Interrupt, TimedOut };
// Sleeps until standard input has bytes or has ended, or a signal came. timeout_ms < 0: for ever.
Wake wait_for_input(int timeout_ms);
// What has been typed; nullopt at the end of input.
std::optional<std::string> read_typed();
// Ctrl-Z: stops the program until it is continued. The terminal must be in its usual mode.
void suspend_program();

}  // namespace paceline
