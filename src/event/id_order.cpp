#include "event/id_order.hpp"

#include <algorithm>
#include <numeric>

namespace eventcollect::event {

std::vector<std::uint32_t> by_id(const Batch& batch) {
  std::vector<Uuid> ids;
  ids.reserve(batch.size());
  for (const Event& event : batch) ids.push_back(event.id);
  std::vector<std::uint32_t> order(ids.size());
  std::iota(order.begin(), order.end(), 0U);
  const auto is_before = [&](std::uint32_t a, std::uint32_t b) {
    return ids[a].bytes < ids[b].bytes;
  };
  // Ids that we minted come in order.
  if (!std::is_sorted(order.begin(), order.end(), is_before)) {
    std::stable_sort(order.begin(), order.end(), is_before);
  }
  return order;
}

}  // namespace eventcollect::event
