// Whether two lines under one id tell of the same event.
#pragma once

#include <string_view>

#include "eventcollect/batch.hpp"
#include "eventcollect/stored_event.hpp"

namespace eventcollect {

// One thread at a time.
class EventComparison {
 public:
  // Both are lines of stored events. What the server adds may differ, and when the client sent it:
  // a client's retry is the same event.
  bool same(std::string_view a, std::string_view b) {
    if (a == b) return true;
    batch_.clear();
    if (reader_.append(a, batch_) || reader_.append(b, batch_)) return false;
    const auto events = batch_.events();
    return events[0].name == events[1].name && events[0].url == events[1].url &&
           events[0].properties == events[1].properties &&
           events[0].client_time == events[1].client_time;
  }

 private:
  StoredEventReader reader_;
  Batch batch_;
};

}  // namespace eventcollect
