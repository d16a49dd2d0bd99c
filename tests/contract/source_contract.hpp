// What every source has to do, as one suite. A new source gets a SourceBench and a call of
// source_violations().
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "eventcollect/source.hpp"

namespace eventcollect::test {

// A source in its real surroundings.
class SourceBench {
 public:
  virtual ~SourceBench() = default;

  // Puts the events behind those that are there, as a sink of the same kind does, and returns when
  // the source can see them.
  virtual void put(const Batch& batch) = 0;

  // A new source on the same store. The one before is gone by then, without a word of farewell.
  virtual std::shared_ptr<Source> open() = 0;

  // Whether events that were read and not acknowledged come again in their old places.
  virtual bool keeps_order_on_redelivery() const { return true; }
};

// Puts the source through the contract of source.hpp. Returns what it broke, one sentence each;
// nothing if it is a good source. The store has to be empty, and is in the end.
std::vector<std::string> source_violations(SourceBench& bench);

}  // namespace eventcollect::test
