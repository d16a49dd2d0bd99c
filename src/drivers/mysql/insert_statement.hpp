// The statement that stores some events.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/time_text.hpp"
#include "event/id_order.hpp"
#include "eventcollect/batch.hpp"

namespace eventcollect::mysql {

// Keeps its memory. One thread at a time.
class InsertStatement {
 public:
  explicit InsertStatement(std::string_view table);

  // No statement is to be longer, unless one event alone is.
  void set_max_bytes(std::size_t max_bytes) { max_bytes_ = max_bytes; }

  // Makes it of the first of these rows, as many as fit, and returns how many these are: one at
  // least. Rows whose event_id is there already change nothing.
  std::size_t fill(const Batch& batch, event::Rows rows);

  std::string_view text() const { return text_; }

 private:
  void append(const Event& event);

  const std::string head_;
  std::string text_;
  std::size_t max_bytes_ = 0;
  base::TimeText server_time_;
  base::TimeText event_time_;
  base::TimeText client_time_;
  base::TimeText sent_time_;
};

}  // namespace eventcollect::mysql
