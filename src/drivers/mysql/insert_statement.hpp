// The statement that stores some events, and the values that go with it.
#pragma once

#include <mysql.h>

#include <array>
#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "event/id_order.hpp"
#include "eventcollect/batch.hpp"
#include "eventcollect/uuid.hpp"

namespace eventcollect::mysql {

// Statements store 1, 2, 4 or more rows, so that the server has to prepare few of them. Keeps its
// memory. One thread at a time.
class InsertStatement {
 public:
  explicit InsertStatement(std::string_view table);

  // No statement is to be longer, unless one event alone is.
  void set_max_bytes(std::size_t max_bytes) { max_bytes_ = max_bytes; }

  // Makes it of the first of these rows, and returns how many these are: one at least. Rows whose
  // event_id is there already change nothing.
  std::size_t fill(const Batch& batch, event::Rows rows);

  // What fill() has made, until it is called again. The values point into the batch.
  const std::string& text() const { return *text_; }
  std::span<MYSQL_BIND> values() { return values_; }

  // The same for no row. It needs the same rights.
  std::string without_rows() const;

  // An upper bound of what is sent.
  std::size_t bytes() const { return bytes_; }

 private:
  // What values point to and the batch does not have.
  struct Row {
    Uuid id;
    std::array<MYSQL_TIME, 4> times;
  };

  // Fewer are slower, and more are not quicker.
  static constexpr std::size_t max_rows = 256;

  const std::string& text_for(std::size_t count);
  static void bind(const Event& event, Row& row, std::span<MYSQL_BIND> values);

  const std::string head_;
  std::map<std::size_t, std::string> texts_;  // by their rows
  const std::string* text_ = nullptr;
  std::vector<MYSQL_BIND> values_;
  std::vector<Row> rows_;
  std::size_t max_bytes_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace eventcollect::mysql
