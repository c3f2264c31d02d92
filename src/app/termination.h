#pragma once
// What is put right when a signal ends the program: an unfinished file, the terminal's mode, what the screen was told. The exit status
// stays that of the signal. Everything a handler runs here is async-signal-safe, and what it reads is set before the change it undoes.
#include <signal.h>
#include <termios.h>

#include <array>

namespace paceline {

// The terminal's mode outside the program: the first one given counts.
void remember_usual_mode(const termios& mode);

// While it lives, a signal that ends the program first writes these escape codes to standard output. At most one at a time.
class ScreenUndo {
 public:
  explicit ScreenUndo(const char* codes);  // static; nullptr or "": nothing
  ~ScreenUndo();
  ScreenUndo(const ScreenUndo&) = delete;
  ScreenUndo& operator=(const ScreenUndo&) = delete;
};

// While it lives, SIGHUP, SIGINT, SIGQUIT and SIGTERM put things right before they end the program; those that are ignored stay so. At most
// one at a time.
class TerminationWatch {
 public:
  // unfinished_file is removed; it must outlive the watch.
  explicit TerminationWatch(const char* unfinished_file = nullptr);
  ~TerminationWatch();
  TerminationWatch(const TerminationWatch&) = delete;
  TerminationWatch& operator=(const TerminationWatch&) = delete;

  static constexpr std::array<int, 4> kSignals = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};

 private:
  std::array<struct sigaction, kSignals.size()> before_{};
};

// Puts things right and ends the program by `signal`; for handlers.
void end_by(int signal);

}  // namespace paceline
