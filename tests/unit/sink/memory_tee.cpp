#include <doctest/doctest.h>

#include <optional>

#include "eventcollect/memory.hpp"
#include "eventcollect/tee.hpp"
#include "support/events.hpp"
#include "support/writing.hpp"

using namespace eventcollect;
using test::numbered_batch;
using test::write;

namespace {

// Counts its calls and throws what it is told to.
template <typename Thrown = Error>
struct FailingSink : Sink {
  explicit FailingSink(Thrown what) : error{std::move(what)} {}

  void write(const Batch&, Rejections&) override {
    ++writes;
    throw error;
  }
  void maintain() override {
    ++maintains;
    throw error;
  }

  Thrown error;
  int writes = 0;
  int maintains = 0;
};

struct RejectingSink : Sink {
  explicit RejectingSink(std::vector<std::size_t> which) : indices{std::move(which)} {}
  void write(const Batch& batch, Rejections& rejections) override {
    for (const std::size_t index : indices) rejections.add(batch[index], "no");
  }
  std::vector<std::size_t> indices;
};

std::shared_ptr<FailingSink<>> failing(Error::Kind kind, const std::string& message) {
  return std::make_shared<FailingSink<>>(Error{kind, message});
}

std::optional<Error> error_of(Sink& sink, bool maintain = false) {
  try {
    if (maintain) {
      sink.maintain();
    } else {
      write(sink, numbered_batch("e", 1));
    }
  } catch (const Error& error) {
    return error;
  }
  return {};
}

}  // namespace

TEST_CASE("a memory sink keeps the lines of all batches in order") {
  MemorySink sink;
  CHECK(sink.lines().empty());
  const Batch first = numbered_batch("a", 2);
  const Batch second = numbered_batch("b", 1);
  write(sink, first);
  write(sink, second);
  CHECK(sink.lines() == std::vector<std::string>{std::string{first[0].line},
                                                 std::string{first[1].line},
                                                 std::string{second[0].line}});
  CHECK_NOTHROW(sink.maintain());
}

TEST_CASE("a tee writes to every branch") {
  const auto one = std::make_shared<MemorySink>();
  const auto other = std::make_shared<MemorySink>();
  TeeSink tee{{one, other}};
  write(tee, numbered_batch("a", 2));
  write(tee, numbered_batch("b", 1));
  CHECK(one->lines().size() == 3);
  CHECK(one->lines() == other->lines());
}

TEST_CASE("a tee has branches, and none that is null") {
  const auto sink = std::make_shared<MemorySink>();
  CHECK_THROWS_AS(TeeSink{{}}, std::invalid_argument);
  CHECK_THROWS_AS((TeeSink{{sink, nullptr}}), std::invalid_argument);
  CHECK_THROWS_AS((TeeSink{std::vector<std::shared_ptr<Sink>>{nullptr}}), std::invalid_argument);
}

TEST_CASE("a broken branch of a tee does not starve the others") {
  const auto broken = failing(Error::unavailable, "gone");
  const auto before = std::make_shared<MemorySink>();
  const auto behind = std::make_shared<MemorySink>();
  TeeSink tee{{before, broken, behind}};
  CHECK(error_of(tee).has_value());
  CHECK(before->lines().size() == 1);
  CHECK(behind->lines().size() == 1);
  CHECK(broken->writes == 1);
}

TEST_CASE("a tee throws its first branch's error, but doubt outweighs it") {
  const auto gone = [] { return failing(Error::unavailable, "gone"); };
  const auto wrong = [] { return failing(Error::misconfigured, "wrong"); };
  const auto doubt = [] { return failing(Error::in_doubt, "doubt"); };
  const auto more_doubt = [] { return failing(Error::in_doubt, "more doubt"); };
  const auto unknown = std::make_shared<FailingSink<std::logic_error>>(std::logic_error{"a bug"});
  struct Case {
    std::vector<std::shared_ptr<Sink>> branches;
    Error::Kind kind;
    std::string_view message;
  };
  const Case cases[] = {
      {{gone(), wrong()}, Error::unavailable, "gone"},
      {{wrong(), gone()}, Error::misconfigured, "wrong"},
      {{gone(), doubt()}, Error::in_doubt, "doubt"},
      {{doubt(), gone()}, Error::in_doubt, "doubt"},
      {{gone(), doubt(), more_doubt()}, Error::in_doubt, "doubt"},
      {{gone(), unknown}, Error::in_doubt, "the sink threw a bug"},
  };
  for (const Case& each : cases) {
    for (const bool maintain : {false, true}) {
      TeeSink tee{each.branches};
      const auto error = error_of(tee, maintain);
      REQUIRE(error.has_value());
      CHECK(error->kind() == each.kind);
      CHECK(error->what() == each.message);
    }
  }
}

TEST_CASE("a tee maintains every branch") {
  const auto broken = failing(Error::unavailable, "gone");
  const auto behind = failing(Error::unavailable, "gone too");
  TeeSink tee{{broken, behind}};
  CHECK(error_of(tee, true).has_value());
  CHECK(broken->maintains == 1);
  CHECK(behind->maintains == 1);
  TeeSink fine{{std::make_shared<MemorySink>()}};
  CHECK_FALSE(error_of(fine, true).has_value());
}

TEST_CASE("an event that any branch of a tee rejected counts as rejected, and once") {
  using Indices = std::vector<std::size_t>;
  TeeSink tee{{std::make_shared<RejectingSink>(Indices{2}),
               std::make_shared<RejectingSink>(Indices{0, 2}), std::make_shared<MemorySink>()}};
  const Batch batch = numbered_batch("e", 4);
  const Rejections rejections = write(tee, batch);
  Indices rejected;
  for (const auto& rejection : rejections) rejected.push_back(rejection.index);
  CHECK(rejected == Indices{2, 0});
}
