// A sink that loads whole objects exactly once: a database.
//
//   if (ledger.begin(object_key, "") == LoadStart::begun) {
//     while (more(batch)) ledger.write(batch);
//     ledger.commit();
//   }
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "eventcollect/sink.hpp"

namespace eventcollect {

// What became of an attempt to begin a load. Only `begun` leaves one open.
enum class LoadStart : std::uint8_t {
  begun,
  loaded,  // the ledger has the object already
  busy,    // another loader has it, or a lock is held: ask again later
};

// Outside begin() and commit() each write() is a transaction of its own, as with any Sink. All
// functions throw Error, after which nothing of an open load is stored (in doubt: perhaps all),
// and no load is open.
//
// A `selection` is empty for all of an object, else it names the filter, in at most
// max_selection_bytes. The ledger has an object if it has a line for the same selection, or for all
// of it.
class LedgerSink : public Sink {
 public:
  static constexpr std::size_t max_selection_bytes = 1'500;

  // Begins a load, if the ledger does not have the object: what write() gets from now on is stored
  // by commit() or not at all, together with a line that says that `object_key` was loaded. Of many
  // that try at once with the same selection, one succeeds; the others find it `busy`, or wait for
  // the outcome, and load nothing twice.
  virtual LoadStart begin(std::string_view object_key, std::string_view selection) = 0;

  // Makes the load durable. Whatever write() rejected has to be kept elsewhere by now.
  virtual void commit() = 0;

  // Ends the load without a trace. Nothing, if there is none.
  virtual void roll_back() noexcept = 0;

  // Which of these objects the ledger has, in their order: fast for thousands. Not while a load is
  // open.
  virtual std::vector<bool> loaded(std::span<const std::string> object_keys,
                                   std::string_view selection) = 0;

  LedgerSink* ledger() final { return this; }
};

}  // namespace eventcollect
