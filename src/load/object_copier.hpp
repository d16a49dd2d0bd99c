// Writes the events of an object to a load that is begun.
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>

#include "eventcollect/ledger.hpp"
#include "eventcollect/load.hpp"
#include "eventcollect/object_store.hpp"
#include "eventcollect/pump.hpp"
#include "eventcollect/source.hpp"
#include "load/load_letters.hpp"
#include "load/load_retry.hpp"
#include "load/object_list.hpp"
#include "load/selection.hpp"
#include "objects/event_object.hpp"

namespace eventcollect::loading {

// What a load has come to, and returns to where an object was not loaded after all.
struct LoadState {
  LoadStatistics statistics;
  RejectionStreak streak;
};

// One thread at a time.
class ObjectCopier {
 public:
  enum class Result : std::uint8_t { copied, gone, stopped };  // gone: there is no such object

  // Is told how many bytes of the object were read, compressed.
  using OnProgress = std::function<void(std::uint64_t bytes_read)>;

  // All have to outlive it. A write to the ledger that fails is not tried again where
  // `ledger_retries` by itself.
  ObjectCopier(ObjectStore& store, LedgerSink& ledger, bool ledger_retries,
               const Selection& selection, const LoadOptions& options, const std::stop_token& stop,
               LoadRetry& retry, OnProgress on_progress);

  // Counts in `state`. Where it throws Error, or the result is not `copied`, the load is to be
  // rolled back.
  Result copy(const ListedObject& object, LoadState& state);

 private:
  bool copy_events(const ListedObject& object, objects::EventObject& events, LoadState& state);
  bool read_some(const ListedObject& object, objects::EventObject& events);
  void select(LoadState& state);
  void write(LoadState& state);

  ObjectStore& store_;
  LedgerSink& ledger_;
  const bool ledger_retries_;
  const Selection& selection_;
  const LoadOptions& options_;
  const std::stop_token& stop_;
  LoadRetry& retry_;
  const OnProgress on_progress_;
  LoadLetters letters_;

  Delivery delivery_;
  Rejections rejections_;  // of it, by the sink
  Batch selected_;
};

}  // namespace eventcollect::loading
