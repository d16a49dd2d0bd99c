// Where archive and load keep their dead letters.
#pragma once

#include <memory>
#include <string>

#include "eventcollect/sink.hpp"
#include "programs/log.hpp"

namespace eventcollect::programs {

// Opens what --dead-letter names. Where it is empty: the quarantine/ of the store that `place`
// names, so that any number of programs may run side by side; where `place` is no store, the
// `fallback`, opened when the first letter comes. `log` has to outlive the sink. Throws
// as open_sink_option().
std::shared_ptr<Sink> open_dead_letters(const std::string& url, const std::string& place,
                                        const std::string& fallback, Log& log);

}  // namespace eventcollect::programs
