// What signals mean to a program: none but SIGKILL ends it before it has drained.
//
//   SIGTERM, SIGINT, SIGQUIT, SIGPWR, SIGXCPU    end it in good order; the second one at once
//   SIGHUP                                       reloads what can be reloaded
//   all others                                   nothing
//
// Those of a fault of its own (SIGSEGV, SIGABRT, …) end it where it stands, and those of a terminal
// (SIGTSTP, …) stop it until SIGCONT.
#pragma once

#include <functional>

namespace eventcollect::programs {

// From now on the signals that end or reload wait for wait_for_end(), and the others are ignored,
// unless there is a handler already. To be called before any thread is started: they inherit it.
void take_over_signals();

// Returns when a signal came that ends the program. Calls `reload` for each SIGHUP before that.
void wait_for_end(const std::function<void()>& reload);

// The next signal that ends the program does so at once.
void exit_at_next_signal();

}  // namespace eventcollect::programs
