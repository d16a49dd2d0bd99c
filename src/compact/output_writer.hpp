// Writes a plan's outputs: gzipped lines, in objects of the plan's target size.
#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "eventcollect/object_store.hpp"
#include "objects/plan.hpp"

namespace eventcollect::compaction {

// Compresses and writes in a thread of its own. One thread at a time.
class OutputWriter {
 public:
  // Both outlive it. Where an object ends depends on the lines and the plan alone: so every
  // compactor that finishes a plan puts the same events under the same keys.
  OutputWriter(ObjectStore& store, const objects::Plan& plan);

  // What is not finished is not put.
  ~OutputWriter();
  OutputWriter(const OutputWriter&) = delete;
  OutputWriter& operator=(const OutputWriter&) = delete;

  // `line` has no line feed. Throws Error, also for lines before, as finish().
  void add(std::string_view line);

  // All objects are durable then.
  std::vector<objects::PlanOutput> finish();

 private:
  struct Piece {
    std::string lines;
    bool ends_object = false;
  };

  void hand_over(bool ends_object);
  void work();
  void write_pieces();
  bool take(Piece& piece);

  ObjectStore& store_;
  const objects::Plan& plan_;
  std::vector<objects::PlanOutput> outputs_;  // the last one has begun
  Piece piece_;                               // what comes next

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Piece> pieces_;  // handed over
  std::exception_ptr error_;
  bool is_ending_ = false;
  std::thread thread_;
};

}  // namespace eventcollect::compaction
