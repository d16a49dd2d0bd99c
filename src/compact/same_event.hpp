// Whether two lines under one id tell of the same event.
#pragma once

#include <string>
#include <string_view>

#include "eventcollect/batch.hpp"
#include "eventcollect/stored_event.hpp"
#include "json/text.hpp"

namespace eventcollect::compaction {

// One thread at a time.
class EventComparison {
 public:
  // Both are lines of stored events. What the server adds may differ, and when the client sent it,
  // and how strings are escaped: a client's retry is the same event.
  bool same(std::string_view a, std::string_view b) {
    if (a == b) return true;
    batch_.clear();
    if (reader_.append(a, batch_) || reader_.append(b, batch_)) return false;
    const Event first = batch_[0];
    const Event second = batch_[1];
    return first.name == second.name && first.url == second.url &&
           first.client_time == second.client_time &&
           same_text(first.properties, second.properties);
  }

 private:
  bool same_text(std::string_view a, std::string_view b) {
    if (a == b) return true;
    normalized_.clear();
    other_.clear();
    json::append_normalized(normalized_, a);
    json::append_normalized(other_, b);
    return normalized_ == other_;
  }

  StoredEventReader reader_;
  Batch batch_;
  std::string normalized_;
  std::string other_;
};

}  // namespace eventcollect::compaction
