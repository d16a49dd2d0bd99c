// A sink that keeps everything in memory, for tests of code that collects.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "eventcollect/sink.hpp"

namespace eventcollect {

// Grows without bound and is lost with the process: not for a server. Safe from any thread.
class MemorySink final : public Sink {
 public:
  void write(const Batch& batch, Rejections& rejections) override;

  // The lines of all events so far, in order.
  std::vector<std::string> lines() const;

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

}  // namespace eventcollect
