// The dead letters of one plan, as one object in quarantine/.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "eventcollect/batch.hpp"
#include "eventcollect/clock.hpp"
#include "eventcollect/object_store.hpp"
#include "eventcollect/rejection.hpp"
#include "objects/event_object_writer.hpp"

namespace eventcollect::compaction {

// Safe from any thread, but for commit().
class Letters {
 public:
  // All have to outlive it.
  Letters(ObjectStore& store, std::string key, const Clock& clock)
      : store_{store}, key_{std::move(key)}, clock_{clock} {}

  // Throws Error.
  void add(const Rejection& rejection);

  // All that were added are durable then, in place of what another compactor wrote. Without
  // any there is no object. Throws Error.
  void commit();

 private:
  void write();

  ObjectStore& store_;
  const std::string key_;
  const Clock& clock_;
  std::mutex mutex_;
  Batch batch_;                                         // not yet written
  std::unique_ptr<objects::EventObjectWriter> object_;  // begun with the first letter
};

}  // namespace eventcollect::compaction
