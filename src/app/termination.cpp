#include "app/termination.h"

#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <cstring>

namespace paceline {

namespace {

std::atomic<const char*> file_to_remove{nullptr}, screen_codes{nullptr};
termios usual_mode{};
std::atomic<bool> usual_mode_known{false};

}  // namespace

void remember_usual_mode(const termios& mode) {
  if (usual_mode_known) return;
  usual_mode = mode;
  usual_mode_known = true;
}

ScreenUndo::ScreenUndo(const char* codes) { screen_codes = codes; }
ScreenUndo::~ScreenUndo() { screen_codes = nullptr; }

TerminationWatch::TerminationWatch(const char* unfinished_file) {
  file_to_remove = unfinished_file;
  struct sigaction action = {};
  action.sa_handler = end_by;
  ::sigfillset(&action.sa_mask);
  for (size_t i = 0; i < kSignals.size(); ++i) {
    ::sigaction(kSignals[i], nullptr, &before_[i]);
    if (before_[i].sa_handler != SIG_IGN) ::sigaction(kSignals[i], &action, nullptr);
  }
}

TerminationWatch::~TerminationWatch() {
  for (size_t i = 0; i < kSignals.size(); ++i) ::sigaction(kSignals[i], &before_[i], nullptr);
  file_to_remove = nullptr;
}

void end_by(int signal) {
  if (const char* file = file_to_remove) ::unlink(file);
  // A program in the background would change the terminal of whoever is in front.
  if (usual_mode_known && ::tcgetpgrp(STDIN_FILENO) == ::getpgrp()) ::tcsetattr(STDIN_FILENO, TCSANOW, &usual_mode);
  // A terminal that has been stopped (Ctrl-S) takes nothing and must not keep the program alive.
  pollfd screen{STDOUT_FILENO, POLLOUT, 0};
  const char* codes = screen_codes;
  if (codes != nullptr && ::poll(&screen, 1, 0) == 1) {
    [[maybe_unused]] const ssize_t written = ::write(STDOUT_FILENO, codes, std::strlen(codes));
  }
  ::signal(signal, SIG_DFL);
  ::raise(signal);
}

}  // namespace paceline
