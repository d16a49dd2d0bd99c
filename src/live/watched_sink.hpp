// A sink before another, which tells of what that one has stored.
//
//   auto sink = std::make_shared<WatchedSink>(open_sink("file:events"), [&](const Batch& batch,
//       const Rejections& rejections) { recent.note_stored(batch, rejections); });
#pragma once

#include <functional>
#include <memory>

#include "eventcollect/sink.hpp"

namespace eventcollect::live {

class WatchedSink final : public Sink {
 public:
  // Called on the thread that writes, when `batch` but for its `rejections` is stored. What it
  // throws is dropped: the events are stored all the same.
  using Watcher = std::function<void(const Batch& batch, const Rejections& rejections)>;

  // `inner` may be null: then the watcher is told all the same, and each event is rejected, since
  // it is kept nowhere.
  WatchedSink(std::shared_ptr<Sink> inner, Watcher watcher)
      : inner_{std::move(inner)}, watcher_{std::move(watcher)} {}

  void write(const Batch& batch, Rejections& rejections) override;
  void maintain() override;

 private:
  const std::shared_ptr<Sink> inner_;
  const Watcher watcher_;
};

}  // namespace eventcollect::live
