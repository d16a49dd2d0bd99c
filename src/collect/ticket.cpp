#include "collect/ticket.hpp"

#include <fmt/format.h>

#include <utility>

namespace eventcollect {

void Ticket::State::settle(const Receipt& receipt, const Error* failure) {
  if (failure != nullptr) return settle(Status::lost, failure->what());
  if (receipt.rejected == 0) return settle(Status::durable, {});
  const Rejection& rejection = receipt.rejections.front();
  settle(Status::rejected, fmt::format("{}: {}", rejection.code, rejection.message));
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
