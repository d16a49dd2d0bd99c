#include "live/watched_sink.hpp"

#include <exception>

namespace eventcollect::live {

void WatchedSink::write(const Batch& batch, Rejections& rejections) {
  if (inner_) inner_->write(batch, rejections);
  try {
    watcher_(batch, rejections);
  } catch (const std::exception&) {
    // An exception would say that the events are not stored, and they would be sent again.
  }
}

void WatchedSink::maintain() {
  if (inner_) inner_->maintain();
}

}  // namespace eventcollect::live
