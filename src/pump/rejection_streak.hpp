// What whoever moves stored events does with those that were refused, or are none.
#pragma once

#include <memory>

#include "eventcollect/batch.hpp"
#include "eventcollect/pump.hpp"
#include "eventcollect/sink.hpp"
#include "eventcollect/source.hpp"

namespace eventcollect {

// The streak with what a sink said of `delivery`, and if `with_unreadable` with what of it is no
// event. Throws where so many have been refused (SinkError) or unreadable (SourceError) since the
// last one was stored that it cannot be them.
RefusalStreak extended(RefusalStreak streak, const Delivery& delivery, bool with_unreadable);

// Appends a dead letter for what of `delivery` was refused or is unreadable. Throws SinkError where
// something is and `sink`, which is to have the letters, is null.
void append_letters(Batch& letters, TimePoint now, const Delivery& delivery,
                    const std::shared_ptr<Sink>& sink);

// Returns when they are durable; at once if there are none. Throws SinkError.
void bury(const std::shared_ptr<Sink>& sink, const Batch& letters);

}  // namespace eventcollect
