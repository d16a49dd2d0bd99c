// What a mover of stored events does with those that were rejected, by the sink or when they were
// read.
#pragma once

#include <memory>

#include "eventcollect/batch.hpp"
#include "eventcollect/pump.hpp"
#include "eventcollect/sink.hpp"
#include "eventcollect/source.hpp"

namespace eventcollect::pumping {

// The streak with what the sink said of `delivery`, and if `with_unreadable` with what of it could
// not be read. Throws Error where so many have been rejected or unreadable since the last one was
// stored that it cannot be them.
RejectionStreak extended(RejectionStreak streak, const Delivery& delivery,
                         const Rejections& rejections, bool with_unreadable);

// Appends a dead letter for what of `delivery` the sink rejected or could not be read. Throws Error
// where there is some and `sink`, which is to have the letters, is null.
void append_letters(Batch& letters, TimePoint now, const Delivery& delivery,
                    const Rejections& rejections, const std::shared_ptr<Sink>& sink);

// Returns when they are durable; at once if there are none. Throws Error.
void bury(const std::shared_ptr<Sink>& sink, const Batch& letters);

}  // namespace eventcollect::pumping
