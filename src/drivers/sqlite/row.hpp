// An event as the values of a row.
#pragma once

#include <array>
#include <cstddef>

#include "base/time_text.hpp"
#include "drivers/sqlite/connection.hpp"
#include "eventcollect/event.hpp"

namespace eventcollect::sqlite {

// The values of one event, for prepare_insert()'s statement.
class Row {
 public:
  // Binds all parameters. The row and the event must outlive the step. SQLite's result code.
  int bind(Statement& insert, const Event& event);

 private:
  std::array<char, Uuid::text_bytes> id_{};
  base::TimeText server_time_;
  base::TimeText event_time_;
  base::TimeText client_time_;
  base::TimeText sent_time_;
};

}  // namespace eventcollect::sqlite
