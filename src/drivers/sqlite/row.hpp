// An event as the values of a row.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "drivers/sqlite/connection.hpp"
#include "eventcollect/event.hpp"

namespace eventcollect::sqlite {

// A time as text, "2026-11-23 17:15:00.123", in UTC. Keeps what it wrote: events that came together
// have a server_time in common.
class TimeText {
 public:
  // Lives until the next call. `time` lies between the epoch and latest_time.
  std::string_view of(TimePoint time);

 private:
  TimePoint time_{};
  std::array<char, 23> text_{'1', '9', '7', '0', '-', '0', '1', '-', '0', '1', ' ', '0',
                             '0', ':', '0', '0', ':', '0', '0', '.', '0', '0', '0'};
};

// The values of one event, for prepare_insert()'s statement.
class Row {
 public:
  // Binds all parameters. The row and the event must outlive the step. SQLite's result code.
  int bind(Statement& insert, const Event& event);

 private:
  std::array<char, Uuid::text_bytes> id_{};
  TimeText server_time_;
  TimeText event_time_;
  TimeText client_time_;
  TimeText sent_time_;
};

}  // namespace eventcollect::sqlite
