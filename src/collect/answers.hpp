// Telling senders and handlers what became of a group. No lock is held meanwhile.
#pragma once

#include <functional>
#include <string_view>

#include "collect/submission.hpp"
#include "eventcollect/rejections.hpp"

namespace eventcollect::collect {

// Empty ones are skipped.
struct EventHandlers {
  using Handler = std::function<void(const Event&, std::string_view why)>;

  Handler on_rejected;  // of every event that the sink rejected
  Handler on_lost;      // of every kept event that was given up or rejected
};

// Calls `on_lost`, unless it is empty or this thread is in it already: a handler that tracks what
// it is told of would otherwise be told of that without end.
void report_loss(const EventHandlers::Handler& on_lost, const Event& event, std::string_view why);

// The sink has stored the group but for its `rejections`.
void answer_stored(const Group& group, const Rejections& rejections, const EventHandlers& handlers);

// The group was not stored, or is not known to be; its senders may send it again.
void answer_failed(const Group& group, const Error& failure);

// The group is not tried again.
void give_up(const Group& group, const Error& failure, const EventHandlers& handlers);

}  // namespace eventcollect::collect
