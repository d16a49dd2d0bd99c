// How far a load has come: a line that changes on a terminal, now and then a line in a log.
#pragma once

#include <chrono>

#include "eventcollect/load.hpp"
#include "programs/log.hpp"

namespace eventcollect::programs {

// One thread at a time.
class Progress {
 public:
  explicit Progress(Log& log);

  void begin();
  void show(const LoadStatistics& so_far);
  void end(const LoadStatistics& done);

 private:
  Log& log_;
  const bool on_terminal_;
  std::chrono::steady_clock::time_point begin_;
  std::chrono::steady_clock::time_point shown_;
};

}  // namespace eventcollect::programs
