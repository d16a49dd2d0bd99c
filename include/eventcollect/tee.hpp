// One stream of events into several sinks.
//
//   auto both = std::make_shared<TeeSink>(std::vector{open_sink("file:events"), mine});
#pragma once

#include <memory>
#include <vector>

#include "eventcollect/sink.hpp"

namespace eventcollect {

// Durable in every branch, or it throws. Each branch is tried in order even if one before it
// failed, so a broken branch does not starve the others; those that succeeded keep the events and
// get them again with the next try. An event that any branch rejected counts as rejected.
class TeeSink final : public Sink {
 public:
  // Throws std::invalid_argument if there is no branch or one is null.
  explicit TeeSink(std::vector<std::shared_ptr<Sink>> branches);

  // Throws the first branch's error; in doubt outweighs the other kinds.
  void write(const Batch& batch, Rejections& rejections) override;
  void maintain() override;

 private:
  std::vector<std::shared_ptr<Sink>> branches_;
};

}  // namespace eventcollect
