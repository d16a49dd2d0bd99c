// What the copies of a ticket share.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>

#include "eventcollect/collector.hpp"

namespace eventcollect {

struct Ticket::State {
  mutable std::mutex mutex;
  mutable std::condition_variable settled;
  Status status = Status::pending;
  std::string reason;

  // As a Completion is called, for a request of one event.
  void settle(const Receipt& receipt, const Error* failure);

 private:
  void settle(Status new_status, std::string why);
};

}  // namespace eventcollect
