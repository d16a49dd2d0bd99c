// Where events go: a file, a database, a broker, or what you write yourself.
//
//   struct MySink : Sink {
//     void write(const Batch& batch, Rejections& rejections) override {
//       for (const Event& event : batch)
//         if (!db.insert(event.id, event.line)) rejections.add(event, "check constraint");
//       if (!db.commit()) throw Error{Error::in_doubt, "lost in commit"};
//     }
//   };
//
// One function is enough. A sink is called by one thread at a time, so it needs no lock of its own
// against that.
#pragma once

#include "eventcollect/batch.hpp"
#include "eventcollect/error.hpp"
#include "eventcollect/rejections.hpp"

namespace eventcollect {

class LedgerSink;

class Sink {
 public:
  virtual ~Sink() = default;

  // Stores the batch. On return every event of it is durable, except those that the sink has added
  // to `rejections`, which is empty before. Events come in order, and are to be kept in that order
  // where the sink has one; the same event may come again after a failure. The batch is never
  // empty. What `rejections` holds after a throw means nothing.
  //
  // Throws Error where that did not happen or is not known to have happened; any other
  // exception counts as in doubt. Returns or throws in bounded time: a sink that talks to another
  // machine has a deadline of its own.
  virtual void write(const Batch& batch, Rejections& rejections) = 0;

  // Sees to what is due without an event: reopens what is broken, rotates, keeps a connection
  // alive. Called about once a second while nothing is to be written; after a failure at once, and
  // then, while nothing is written, in waits that grow up to that second until it returns. Throws
  // Error as long as an event could not be stored now.
  virtual void maintain() {}

  // The sink itself where it keeps a ledger (ledger.hpp), else null.
  virtual LedgerSink* ledger() { return nullptr; }
};

}  // namespace eventcollect
