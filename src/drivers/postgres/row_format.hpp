// Events as rows in the binary form of COPY (manual, section "COPY", Binary Format), which needs no
// escaping and no parsing of times.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

#include "drivers/postgres/columns.hpp"
#include "drivers/postgres/connection.hpp"
#include "event/id_order.hpp"
#include "eventcollect/batch.hpp"

namespace eventcollect::postgres {

using event::Rows;

// A buffer to which rows are appended. Keeps its memory.
class RowBuffer {
 public:
  void clear() { size_ = 0; }
  std::size_t size() const { return size_; }
  std::string_view view() const { return {bytes_.get(), size_}; }

  void append_header();
  void append(const Event& event);
  void append_trailer();

 private:
  char* make_room(std::size_t bytes);
  void advance_to(const char* end) { size_ = static_cast<std::size_t>(end - bytes_.get()); }

  std::unique_ptr<char[]> bytes_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

// The COPY data of rows ordered by id. Of those with equal ids only the first: the table has room
// for no more. All that it is given must outlive it.
class RowStream final : public CopySource {
 public:
  RowStream(const Batch& batch, Rows rows, RowBuffer& buffer)
      : batch_{batch}, rows_{rows}, buffer_{buffer} {}

  std::string_view next() override;

 private:
  const Batch& batch_;
  Rows rows_;
  RowBuffer& buffer_;
  std::size_t next_ = 0;
  bool has_begun_ = false;
  bool has_ended_ = false;
};

// A row's values in the form that parameters of a statement have. Views into `row`, which holds one
// that append() has written.
struct RowValues {
  explicit RowValues(std::string_view row);

  std::array<const char*, columns.size()> values{};
  std::array<int, columns.size()> lengths{};
};

}  // namespace eventcollect::postgres
