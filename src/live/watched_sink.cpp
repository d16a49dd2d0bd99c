#include "live/watched_sink.hpp"

#include <exception>

#include "sink/guard.hpp"

namespace eventcollect::live {

void WatchedSink::write(const Batch& batch, Rejections& rejections) {
  if (inner_) sink::checked_write(*inner_, batch, rejections);
  try {
    watcher_(batch, rejections);
  } catch (const std::exception&) {
    // An exception would say that the events are not stored, and they would be sent again.
  }
  if (inner_) return;
  for (const Event& event : batch) rejections.add(event, "kept nowhere");
}

void WatchedSink::maintain() {
  if (inner_) inner_->maintain();
}

}  // namespace eventcollect::live
