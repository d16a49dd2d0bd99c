#include "http/poller.hpp"

#include <algorithm>

namespace eventcollect::http {

Poller::Poller() : epoll_{epoll_create1(EPOLL_CLOEXEC)} {
  if (epoll_.get() < 0) throw_errno("epoll_create1");
}

void Poller::add(int descriptor, std::uint32_t events, std::uint64_t token) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = token;
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, descriptor, &event) != 0) throw_errno("epoll_ctl");
}

void Poller::remove(int descriptor) { epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, descriptor, nullptr); }

std::span<const epoll_event> Poller::wait(int timeout_milliseconds) {
  const int count = epoll_wait(epoll_.get(), events_.data(), static_cast<int>(events_.size()),
                               timeout_milliseconds);
  return {events_.data(), static_cast<std::size_t>(std::max(count, 0))};
}

}  // namespace eventcollect::http
