// The order in which databases get the events of a batch.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "eventcollect/batch.hpp"

namespace eventcollect::event {

// Some events of a batch, by their index.
using Rows = std::span<const std::uint32_t>;

// The indexes of the events ordered by id, in the order of the batch where ids are equal: writers
// that take locks in the same order do not deadlock.
std::vector<std::uint32_t> by_id(const Batch& batch);

}  // namespace eventcollect::event
