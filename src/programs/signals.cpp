#include "programs/signals.hpp"

#include <pthread.h>

#include <csignal>
#include <cstdlib>
#include <thread>

namespace eventcollect::programs {
namespace {

sigset_t ending_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGHUP);
  return signals;
}

}  // namespace

void take_over_signals() {
  const sigset_t signals = ending_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  // A client that hangs up and a file that meets its limit are errors of a call, not our end.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
}

void wait_for_signal() {
  const sigset_t signals = ending_signals();
  int signal = 0;
  sigwait(&signals, &signal);
}

void exit_at_next_signal() {
  std::thread{[] {
    wait_for_signal();
    std::_Exit(EXIT_FAILURE);
  }}.detach();
}

}  // namespace eventcollect::programs
