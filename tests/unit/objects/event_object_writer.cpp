#include "objects/event_object_writer.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "objects/event_object.hpp"
#include "support/bytes_reader.hpp"
#include "support/events.hpp"
#include "support/seed.hpp"

namespace eventcollect::test {

using objects::EventObject;
using objects::EventObjectWriter;
using objects::write_event_object;

namespace {

// What came of one object.
struct Written {
  std::string content;
  std::size_t writes = 0;
  bool is_committed = false;
};

class BytesWriter final : public ObjectWriter {
 public:
  explicit BytesWriter(Written& written) : written_{written} {}

  void write(std::string_view data) override {
    CHECK_FALSE(written_.is_committed);
    written_.content += data;
    ++written_.writes;
  }
  void commit() override { written_.is_committed = true; }

 private:
  Written& written_;
};

std::unique_ptr<EventObjectWriter> writer_to(Written& written) {
  return write_event_object(std::make_unique<BytesWriter>(written));
}

std::string lines_of(const Written& written) {
  EventObject object{std::make_unique<BytesReader>(written.content)};
  std::string lines;
  for (Delivery some; object.read(some); some.clear()) lines += some.batch.ndjson();
  CHECK(object.damage().empty());
  return lines;
}

}  // namespace

TEST_CASE("an object reads back as the lines that were appended, in whatever pieces") {
  std::mt19937_64 random{seed()};
  const Batch events = numbered_batch("event", 5'000);
  for (const std::size_t max_piece : {std::size_t{300}, std::size_t{100'000}, events.bytes()}) {
    Written written;
    const auto object = writer_to(written);
    for (std::string_view rest = events.ndjson(); !rest.empty();) {
      const std::size_t bytes = std::min<std::size_t>(rest.size(), 1 + random() % max_piece);
      object->append(rest.substr(0, bytes));
      rest.remove_prefix(bytes);
    }
    object->commit();
    CHECK(written.is_committed);
    CHECK((lines_of(written) == events.ndjson()));
  }
}

TEST_CASE("an object of no lines is a whole object") {
  Written written;
  writer_to(written)->commit();
  CHECK(written.is_committed);
  CHECK_FALSE(written.content.empty());
  CHECK(lines_of(written).empty());
}

TEST_CASE("a large object is written while it is compressed, not kept until its end") {
  std::mt19937_64 random{seed()};
  std::string lines(std::size_t{4} << 20, ' ');  // which gzip cannot make small
  std::generate(lines.begin(), lines.end(), [&] { return static_cast<char>(random()); });
  Written written;
  const auto object = writer_to(written);
  object->append(lines);
  CHECK(written.content.size() > lines.size() / 2);
  CHECK(written.writes > 8);
}

TEST_CASE("an object that is not committed is left uncommitted") {
  Written written;
  writer_to(written)->append(numbered_batch("event", 10).ndjson());
  CHECK_FALSE(written.is_committed);
}

}  // namespace eventcollect::test
