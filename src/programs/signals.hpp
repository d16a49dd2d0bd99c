// The signals that end a program.
#pragma once

namespace eventcollect::programs {

// From now on SIGTERM, SIGINT and SIGHUP wait for wait_for_signal(), and SIGPIPE and SIGXFSZ are
// errors of a call. To be called before any thread is started: they inherit it.
void take_over_signals();

// Returns when one of them came.
void wait_for_signal();

// A second signal does not wait.
void exit_at_next_signal();

}  // namespace eventcollect::programs
