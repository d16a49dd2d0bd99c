// Whether two lines under one id tell of the same event.
#pragma once

#include <string_view>

#include "eventcollect/batch.hpp"
#include "eventcollect/stored_event.hpp"

namespace eventcollect::compaction {

// One thread at a time.
class EventComparison {
 public:
  // Both are lines of stored events. What the server adds may differ, and when the client sent it:
  // a client's retry is the same event.
  bool same(std::string_view a, std::string_view b) {
    if (a == b) return true;
    batch_.clear();
    if (reader_.append(a, batch_) || reader_.append(b, batch_)) return false;
    const Event first = batch_[0];
    const Event second = batch_[1];
    return first.name == second.name && first.url == second.url &&
           first.properties == second.properties && first.client_time == second.client_time;
  }

 private:
  StoredEventReader reader_;
  Batch batch_;
};

}  // namespace eventcollect::compaction
