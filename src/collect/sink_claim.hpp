// Which sinks have a collector: a sink is called by one thread at a time, so it can have but one.
#pragma once

#include <memory>

#include "eventcollect/sink.hpp"

namespace eventcollect::collect {

// A sink that no other claim has while this lives.
class SinkClaim {
 public:
  // Throws std::logic_error where another claim has it.
  explicit SinkClaim(std::shared_ptr<Sink> sink);
  SinkClaim(const SinkClaim&) = delete;
  SinkClaim& operator=(const SinkClaim&) = delete;
  ~SinkClaim();

  Sink& operator*() const { return *sink_; }
  Sink* operator->() const { return sink_.get(); }

 private:
  const std::shared_ptr<Sink> sink_;
};

}  // namespace eventcollect::collect
