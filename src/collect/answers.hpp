// Telling senders and handlers what became of a group. No lock is held meanwhile.
#pragma once

#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "collect/submission.hpp"
#include "eventcollect/rejection.hpp"

namespace eventcollect::collect {

// Empty ones are skipped.
struct EventHandlers {
  using Handler = std::function<void(const Event&, std::string_view why)>;

  Handler on_rejected;  // of every event that the sink rejected
  Handler on_lost;      // of every kept event that was given up or rejected
};

// Calls `on_lost`, unless this thread is in it already: a handler that tracks what it is told of
// would otherwise be told of that without end.
void report_loss(const EventHandlers::Handler& on_lost, const Event& event, std::string_view why);

// The sink has stored the group but for its `rejections`.
void answer_stored(const Group& group, std::vector<Rejection> rejections,
                   const EventHandlers& handlers);

// The group was not stored, or is not known to be; its senders may send it again. What was to be
// kept is in it because there was no memory to keep it, and is given up.
void answer_failed(const Group& group, const Error& failure, const EventHandlers& handlers);

// Of `batch`, these are not tried again.
void give_up(const Batch& batch, std::span<const Submission> submissions, const Error& failure,
             const EventHandlers& handlers);

}  // namespace eventcollect::collect
