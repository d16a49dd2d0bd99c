// What every sink has to do, as one suite. A new sink gets a Bench and a call of violations().
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "eventcollect/sink.hpp"

namespace eventcollect::test {

// A sink in its real surroundings.
class Bench {
 public:
  virtual ~Bench() = default;

  // A new sink on the same store. The one before is gone by then, without a word of farewell.
  virtual std::shared_ptr<Sink> open() = 0;

  // The lines that would be in the store, in its order, if everything stopped without warning now.
  virtual std::vector<std::string> durable_lines() = 0;

  // Whether the store knows an event_id again and keeps it once.
  virtual bool is_idempotent() const { return false; }
};

// Puts the sink through the contract of sink.hpp. Returns what it broke, one sentence each; nothing
// if it is a good sink. The store has to be empty.
std::vector<std::string> violations(Bench& bench);

}  // namespace eventcollect::test
