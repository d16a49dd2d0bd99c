#include "drivers/amqp1/arrival.hpp"

#include <algorithm>

#include "drivers/amqp1/message.hpp"
#include "eventcollect/stored_event.hpp"

namespace eventcollect::amqp1 {

bool Arrival::is_complete(pn_link_t* link) {
  // Its properties may take this much beside the body.
  constexpr std::size_t max_encoded_bytes = max_stored_bytes + (1 << 20);
  while (!is_complete_) {
    pn_delivery_t* delivery = pn_link_current(link);
    if (delivery == nullptr || !pn_delivery_readable(delivery)) return false;
    if (pn_delivery_aborted(delivery)) {
      pn_delivery_settle(take(link));
      continue;
    }
    const std::size_t size = encoded_.size();
    const std::size_t pending = pn_delivery_pending(delivery);
    encoded_.resize(size + pending);
    const ssize_t got = pn_link_recv(link, encoded_.data() + size, pending);
    const std::size_t taken = got > 0 ? static_cast<std::size_t>(got) : 0;
    message_bytes_ += taken;
    encoded_.resize(std::min(size + taken, max_encoded_bytes));
    if (pn_delivery_partial(delivery)) return false;
    is_complete_ = true;
    body_ = is_cut() ? std::string_view{encoded_} : body_of(encoded_);
    body_ = body_.substr(0, max_stored_bytes + 1);
  }
  return true;
}

pn_delivery_t* Arrival::take(pn_link_t* link) {
  pn_delivery_t* delivery = pn_link_current(link);
  pn_link_advance(link);
  clear();
  return delivery;
}

void Arrival::clear() {
  constexpr std::size_t kept_bytes = 1 << 20;
  if (encoded_.capacity() > kept_bytes) encoded_ = {};
  encoded_.clear();
  message_bytes_ = 0;
  body_ = {};
  is_complete_ = false;
}

}  // namespace eventcollect::amqp1
