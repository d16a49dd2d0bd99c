#include "programs/signals.hpp"

#include <pthread.h>

#include <csignal>
#include <cstdlib>
#include <exception>
#include <initializer_list>
#include <thread>

namespace eventcollect::programs {
namespace {

sigset_t awaited_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGQUIT, SIGPWR, SIGXCPU, SIGHUP}) {
    sigaddset(&signals, signal);
  }
  return signals;
}

// A profiler, or the program that the library is part of, may have a handler.
void ignore_unless_handled(int signal) {
  struct sigaction action {};
  if (sigaction(signal, nullptr, &action) != 0 || action.sa_handler != SIG_DFL) return;
  action.sa_handler = SIG_IGN;
  sigaction(signal, &action, nullptr);
}

}  // namespace

void take_over_signals() {
  // A client that hangs up and a file that meets its limit are errors of a call.
  for (const int signal :
       {SIGPIPE, SIGXFSZ, SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGIO, SIGSTKFLT}) {
    ignore_unless_handled(signal);
  }
  for (int signal = SIGRTMIN; signal <= SIGRTMAX; ++signal) ignore_unless_handled(signal);
  const sigset_t signals = awaited_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

void wait_for_end(const std::function<void()>& reload) {
  const sigset_t signals = awaited_signals();
  for (;;) {
    int signal = 0;
    if (sigwait(&signals, &signal) != 0) continue;
    if (signal != SIGHUP) return;
    reload();
  }
}

void exit_at_next_signal() {
  try {
    std::thread{[] {
      sigset_t signals = awaited_signals();
      sigdelset(&signals, SIGHUP);
      sigdelset(&signals, SIGXCPU);  // the system repeats it each second
      int signal = 0;
      while (sigwait(&signals, &signal) != 0) continue;
      std::_Exit(EXIT_FAILURE);
    }}.detach();
  } catch (const std::exception&) {
    // Without memory for a thread the program still ends in order; only KILL ends it sooner.
  }
}

}  // namespace eventcollect::programs
