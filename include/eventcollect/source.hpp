// Where stored events come from: a queue, or files that a sink has written.
//
//   Delivery delivery;
//   while (source.read(delivery, {.wait = 1s})) {
//     if (delivery.empty()) continue;
//     Rejections rejections;
//     sink.write(delivery.batch, rejections);
//     source.acknowledge(delivery);
//     delivery.clear();
//   }
//
// That is a pump in short; pump.hpp has the whole. A source is called by one thread at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "eventcollect/batch.hpp"
#include "eventcollect/error.hpp"
#include "eventcollect/rejection.hpp"

namespace eventcollect {

// Some events of a source, and the right to acknowledge them. It belongs to the session (the
// connection, say) in which they came: when that is lost, they come again.
struct Delivery {
  Batch batch{};
  std::vector<Rejection> rejections{};  // of what was read and cannot be an event, with its `raw`
  std::uint64_t session = 0;            // the source's own count; 0 before anything was read
  std::uint64_t position = 0;           // of the last one, in the source's own terms

  bool empty() const { return batch.empty() && rejections.empty(); }

  // How many events, and how many bytes of lines: what was rejected counts as well.
  std::size_t size() const { return batch.size() + rejections.size(); }
  std::size_t bytes() const {
    std::size_t sum = batch.bytes();
    for (const Rejection& rejection : rejections) sum += rejection.raw.size();
    return sum;
  }

  // Empties it and keeps the memory.
  void clear() {
    batch.clear();
    rejections.clear();
    session = position = 0;
  }
};

// How long to wait, and how large a delivery may become.
struct ReadLimits {
  std::chrono::milliseconds wait{0};
  std::size_t max_events = 10'000;
  std::size_t max_bytes = std::size_t{64} << 20;
};

class Source {
 public:
  virtual ~Source() = default;

  // Appends to `delivery`, which clear() or an earlier read() of this source has left, what is
  // there: at most until it has max_events or max_bytes (or one event, if that alone has more).
  // Waits for the first of it for `wait`, and may then return without any. Where the session that
  // `delivery` began in is lost, it is emptied first, since those events come again.
  //
  // Returns false when nothing is left and nothing will ever come. Events come in the order of the
  // source. Throws Error, and can be called again after that.
  virtual bool read(Delivery& delivery, const ReadLimits& limits) = 0;

  // Says that `delivery`, and all that was read before it in the same session, is taken care of and
  // need not come again. Does nothing if that session is lost. Throws Error.
  virtual void acknowledge(const Delivery& delivery) = 0;
};

}  // namespace eventcollect
