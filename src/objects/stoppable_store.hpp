// A store whose calls a stop ends, so that no list and no object is so long that a stop waits for
// it.
#pragma once

#include <memory>
#include <stop_token>
#include <string_view>
#include <utility>

#include "eventcollect/object_store.hpp"

namespace eventcollect::objects {

// Thrown where work ends early since a stop was requested. No error, so no std::exception.
struct Stopped {};

inline void check_stop(const std::stop_token& stop) {
  if (stop.stop_requested()) throw Stopped{};
}

// Calls another store. After a stop each call throws Stopped instead: so does each read of a reader
// and each visit of a list. A writer's commit() is not kept from its end.
class StoppableStore final : public ObjectStore {
 public:
  // `inner` has to outlive it and its readers.
  StoppableStore(ObjectStore& inner, std::stop_token stop)
      : inner_{inner}, stop_{std::move(stop)} {}

  void list(std::string_view prefix, std::string_view after, const Visit& visit) override;
  std::unique_ptr<ObjectReader> get(std::string_view key) override;
  void put(std::string_view key, std::string_view content) override;
  bool create(std::string_view key, std::string_view content) override;
  std::unique_ptr<ObjectWriter> write(std::string_view key) override;
  void remove(std::string_view key) override;
  void sync(std::string_view key) override;

 private:
  class Reader;
  class Writer;

  ObjectStore& inner_;
  const std::stop_token stop_;
};

}  // namespace eventcollect::objects
