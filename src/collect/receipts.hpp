// Making the receipt of a request.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "eventcollect/collector.hpp"

namespace eventcollect::collect {

// That of a request of which the rules accepted `accepted` events.
Receipt receipt_of(const std::vector<Rejection>& by_rules, std::size_t accepted);

// Moves the events that the sink rejected from the accepted to the rejected. The indexes are
// sorted: those of `by_sink` are among the accepted events, those of `by_rules` in the request.
void add_rejections(Receipt& receipt, std::span<const Rejection> by_sink,
                    std::span<const std::size_t> by_rules);

}  // namespace eventcollect::collect
