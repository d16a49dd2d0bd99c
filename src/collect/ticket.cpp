#include "collect/ticket.hpp"

#include <fmt/format.h>

#include <new>
#include <utility>

namespace eventcollect {

void Ticket::State::settle(const Receipt& receipt, const Error* failure) {
  if (failure == nullptr && receipt.rejected == 0) return settle(Status::durable, {});
  std::string why;
  try {
    if (failure != nullptr) {
      why = failure->what();
    } else {
      const Rejection& rejection = receipt.rejections.front();
      why = fmt::format("{}: {}", rejection.code, rejection.message);
    }
  } catch (const std::bad_alloc&) {
    why.clear();  // better no reason than no answer
  }
  settle(failure != nullptr ? Status::lost : Status::rejected, std::move(why));
}

void Ticket::State::settle(Status new_status, std::string why) {
  const std::lock_guard lock{mutex};
  status = new_status;
  reason = std::move(why);
  settled.notify_all();
}

bool Ticket::wait_for(std::chrono::milliseconds timeout) const {
  std::unique_lock lock{state_->mutex};
  state_->settled.wait_for(lock, timeout, [&] { return state_->status != Status::pending; });
  return state_->status == Status::durable;
}

Ticket::Status Ticket::status() const {
  const std::lock_guard lock{state_->mutex};
  return state_->status;
}

std::string Ticket::reason() const {
  const std::lock_guard lock{state_->mutex};
  return state_->reason;
}

}  // namespace eventcollect
