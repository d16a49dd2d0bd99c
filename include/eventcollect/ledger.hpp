// A sink that loads whole objects exactly once: a database.
//
//   if (ledger.begin(object_key, "")) {
//     while (more(batch)) ledger.write(batch);
//     ledger.commit();
//   }
#pragma once

#include <string_view>

#include "eventcollect/sink.hpp"

namespace eventcollect {

// Outside begin() and commit() each write() is a transaction of its own, as with any Sink. All
// functions throw SinkError, after which nothing of an open load is stored (in doubt: perhaps all).
class LedgerSink : public Sink {
 public:
  // Begins a load: what write() gets from now on is stored by commit() or not at all, together with
  // a line in the ledger that says that `object_key` was loaded. `selection` is empty for all of
  // the object, else it names the filter. False, and nothing is begun, if the ledger has that line
  // already. Where somebody else is loading the same, it waits for the outcome.
  virtual bool begin(std::string_view object_key, std::string_view selection) = 0;

  // Makes the load durable. Whatever write() refused has to be kept elsewhere by now.
  virtual void commit() = 0;

  // Ends the load without a trace. Nothing, if there is none.
  virtual void roll_back() noexcept = 0;
};

}  // namespace eventcollect
