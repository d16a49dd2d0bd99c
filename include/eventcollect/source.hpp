// Where stored events come from: a queue, or files that a sink has written.
//
//   Delivery delivery;
//   while (source.read(delivery, {.wait = 1s})) {
//     if (delivery.empty()) continue;
//     sink.write(delivery.batch);
//     source.acknowledge(delivery);
//     delivery.clear();
//   }
//
// That is a pump in short; pump.hpp has the whole. A source is called by one thread at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "eventcollect/batch.hpp"
#include "eventcollect/rules.hpp"

namespace eventcollect {

// The world is not as a source needs it. The message names what failed and holds no secret and no
// content of an event.
class SourceError : public std::runtime_error {
 public:
  enum Kind : std::uint8_t {
    unavailable,    // later it may work
    misconfigured,  // it will not work before somebody mends it
  };

  SourceError(Kind kind, const std::string& message) : std::runtime_error{message}, kind_{kind} {}

  Kind kind() const { return kind_; }

 private:
  Kind kind_;
};

// Some events of a source, and the right to acknowledge them. It belongs to the session (the
// connection, say) in which they came: when that is lost, they come again.
struct Delivery {
  // What was read and is no event.
  struct Unreadable {
    Rejection rejection;
    std::string raw;
  };

  Batch batch;
  std::vector<Unreadable> unreadable{};
  std::uint64_t session = 0;   // the source's own count; 0 before anything was read
  std::uint64_t position = 0;  // of the last one, in the source's own terms

  bool empty() const { return batch.empty() && unreadable.empty(); }

  // How many events, and how many bytes of lines: what is unreadable counts as well.
  std::size_t size() const { return batch.size() + unreadable.size(); }
  std::size_t bytes() const {
    std::size_t sum = batch.bytes();
    for (const Unreadable& one : unreadable) sum += one.raw.size();
    return sum;
  }

  // Empties it and keeps the memory.
  void clear() {
    batch.clear();
    unreadable.clear();
    session = position = 0;
  }
};

// How long to wait, and how large a delivery may become.
struct Patience {
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
  // source. Throws SourceError, and can be called again after that.
  virtual bool read(Delivery& delivery, const Patience& patience) = 0;

  // Says that `delivery`, and all that was read before it in the same session, is taken care of and
  // need not come again. Does nothing if that session is lost. Throws SourceError.
  virtual void acknowledge(const Delivery& delivery) = 0;
};

}  // namespace eventcollect
