// The same work in several threads.
#pragma once

#include <cstddef>
#include <exception>
#include <functional>

namespace eventcollect::compaction {

// Calls `work` with 0 to `threads` - 1, each in a thread (0 in the caller's), and returns when all
// have returned. Throws what the first to fail has thrown; `work` has to see to it that the others
// end soon.
void in_parallel(std::size_t threads, const std::function<void(std::size_t)>& work);

}  // namespace eventcollect::compaction
