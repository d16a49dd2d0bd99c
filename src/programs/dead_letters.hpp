// Where archive and load keep their dead letters.
#pragma once

#include <memory>
#include <stop_token>
#include <string>

#include "eventcollect/retry.hpp"
#include "eventcollect/sink.hpp"
#include "programs/log.hpp"

namespace eventcollect::programs {

// The first of these that there is. All are URLs.
struct DeadLetterPlace {
  std::string url;       // what --dead-letter names
  std::string store;     // its quarantine/, so that any number of programs may run side by side
  std::string fallback;  // where `store` is no store; opened when the first letter comes
};

// Writes that fail are repeated as `retry` says, each said to `log`, which has to outlive the sink.
// Throws as open_sink_option().
std::shared_ptr<Sink> open_dead_letters(const DeadLetterPlace& place, const RetryPolicy& retry,
                                        Log& log, const std::stop_token& stop);

}  // namespace eventcollect::programs
