// Dead letters as objects of a store.
#pragma once

#include <memory>

#include "eventcollect/clock.hpp"
#include "eventcollect/object_store.hpp"
#include "eventcollect/sink.hpp"

namespace eventcollect::objects {

// Writes each batch of dead letters as an object of its own below quarantine/, in the hour in which
// they were made: so any number of programs may write to one store.
class LetterSink final : public Sink {
 public:
  // `store` may not be null; `clock` names the objects and has to outlive the sink.
  explicit LetterSink(std::shared_ptr<ObjectStore> store, const Clock& clock = system_clock());

  // Throws Error as ObjectSink does.
  void write(const Batch& batch, Rejections& rejections) override;

 private:
  std::shared_ptr<ObjectStore> store_;
  const Clock& clock_;
};

}  // namespace eventcollect::objects
