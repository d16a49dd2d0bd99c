// Where events go: a file, a database, a broker, or what you write yourself.
//
//   struct MySink : Sink {
//     void write(const Batch& batch) override {
//       for (const Event& event : batch.events())
//         if (!db.insert(event.id, event.line)) batch.refuse(event, "check constraint");
//       if (!db.commit()) throw SinkError{SinkError::in_doubt, "lost in commit"};
//     }
//   };
//
// One function is enough. A sink is called by one thread at a time, so it needs no lock of its own
// against that.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

#include "eventcollect/batch.hpp"

namespace eventcollect {

// The world is not as a sink needs it. The kind answers what the caller has to know: is it worth
// trying again? The message names what failed and holds no secret and no content of an event.
class SinkError : public std::runtime_error {
 public:
  enum Kind : std::uint8_t {
    unavailable,    // nothing of the batch is stored; later it may work
    misconfigured,  // nothing of the batch is stored, and it will not be before somebody mends it
    in_doubt,       // it may or may not be stored; writing it again is safe where ids are unique
  };

  SinkError(Kind kind, const std::string& message) : std::runtime_error{message}, kind_{kind} {}

  Kind kind() const { return kind_; }

 private:
  Kind kind_;
};

class Sink {
 public:
  virtual ~Sink() = default;

  // Stores the batch. On return every event of it is durable, except those that the sink refused
  // with batch.refuse(). Events come in order, and are to be kept in that order where the sink has
  // one; the same event may come again after a failure. The batch is never empty.
  //
  // Throws SinkError where that did not happen or is not known to have happened; any other
  // exception counts as in doubt. Returns or throws in bounded time: a sink that talks to another
  // machine has a deadline of its own.
  virtual void write(const Batch& batch) = 0;

  // Sees to what is due without an event: reopens what is broken, rotates, keeps a connection
  // alive. Called about once a second while nothing is to be written, and in that rhythm after a
  // failure until it returns. Throws SinkError as long as an event could not be stored now.
  virtual void tend() {}
};

}  // namespace eventcollect
