// Noticing that this process is a child of fork, which has none of its parent's threads.
#pragma once

namespace eventcollect::base {

// How many forks lie between the process that first called this and the calling one. Threads, locks
// and random bytes are of use only while it stays the same. Safe from any thread.
unsigned forks();

}  // namespace eventcollect::base
