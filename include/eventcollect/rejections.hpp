// The single events that a sink rejects, and why.
//
//   void write(const Batch& batch, Rejections& rejections) override {
//     for (const Event& event : batch)
//       if (!db.insert(event.id, event.line)) rejections.add(event, "check constraint");
//   }
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "eventcollect/event.hpp"
#include "eventcollect/rejection.hpp"

namespace eventcollect {

// The rejections of one batch, each with the code sink.rejected and the event's index in the batch.
// A sink that writes another batch to a sink behind it gives that one rejections of its own.
// One thread at a time.
class Rejections {
 public:
  // The sink did not store `event`, and never will, because of what is in it. `why` is shown to the
  // sender, so it must hold no secret; it is kept up to max_message_bytes. The first reason for an
  // event stays.
  void add(const Event& event, std::string_view why);

  // All of `others`, which are of the same batch.
  void add(const Rejections& others);

  bool contains(const Event& event) const {
    return event.index < is_rejected_.size() && is_rejected_[event.index];
  }

  // In the order in which they were added.
  const Rejection& operator[](std::size_t place) const { return list_[place]; }
  std::vector<Rejection>::const_iterator begin() const { return list_.begin(); }
  std::vector<Rejection>::const_iterator end() const { return list_.end(); }
  bool empty() const { return list_.empty(); }
  std::size_t size() const { return list_.size(); }

  // Removes all, for when the batch is written again.
  void clear();

  // Moves all out, and is empty then.
  std::vector<Rejection> take();

 private:
  std::vector<Rejection> list_;
  std::vector<bool> is_rejected_;  // by index, as far as anything was rejected
};

}  // namespace eventcollect
