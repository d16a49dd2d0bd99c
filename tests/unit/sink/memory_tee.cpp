#include <doctest/doctest.h>

#include <optional>

#include "eventcollect/memory.hpp"
#include "eventcollect/tee.hpp"
#include "support/events.hpp"

using namespace eventcollect;
using test::numbered_batch;

namespace {

// Counts its calls and throws what it is told to.
template <typename Error = SinkError>
struct FailingSink : Sink {
  explicit FailingSink(Error what) : error{std::move(what)} {}

  void write(const Batch&) override {
    ++writes;
    throw error;
  }
  void tend() override {
    ++tends;
    throw error;
  }

  Error error;
  int writes = 0;
  int tends = 0;
};

struct RefusingSink : Sink {
  explicit RefusingSink(std::vector<std::size_t> which) : indices{std::move(which)} {}
  void write(const Batch& batch) override {
    for (const std::size_t index : indices) batch.refuse(index, "no");
  }
  std::vector<std::size_t> indices;
};

std::shared_ptr<FailingSink<>> failing(SinkError::Kind kind, const std::string& message) {
  return std::make_shared<FailingSink<>>(SinkError{kind, message});
}

std::optional<SinkError> error_of(Sink& sink, bool tend = false) {
  try {
    tend ? sink.tend() : sink.write(numbered_batch("e", 1));
  } catch (const SinkError& error) {
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
  sink.write(first);
  sink.write(second);
  CHECK(sink.lines() == std::vector<std::string>{std::string{first.events()[0].line},
                                                 std::string{first.events()[1].line},
                                                 std::string{second.events()[0].line}});
  CHECK_NOTHROW(sink.tend());
}

TEST_CASE("a tee writes to every branch") {
  const auto one = std::make_shared<MemorySink>();
  const auto other = std::make_shared<MemorySink>();
  TeeSink tee{{one, other}};
  tee.write(numbered_batch("a", 2));
  tee.write(numbered_batch("b", 1));
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
  const auto broken = failing(SinkError::unavailable, "gone");
  const auto before = std::make_shared<MemorySink>();
  const auto behind = std::make_shared<MemorySink>();
  TeeSink tee{{before, broken, behind}};
  CHECK(error_of(tee).has_value());
  CHECK(before->lines().size() == 1);
  CHECK(behind->lines().size() == 1);
  CHECK(broken->writes == 1);
}

TEST_CASE("a tee throws its first branch's error, but doubt outweighs it") {
  const auto gone = [] { return failing(SinkError::unavailable, "gone"); };
  const auto wrong = [] { return failing(SinkError::misconfigured, "wrong"); };
  const auto doubt = [] { return failing(SinkError::in_doubt, "doubt"); };
  const auto more_doubt = [] { return failing(SinkError::in_doubt, "more doubt"); };
  const auto unknown = std::make_shared<FailingSink<std::logic_error>>(std::logic_error{"a bug"});
  struct Case {
    std::vector<std::shared_ptr<Sink>> branches;
    SinkError::Kind kind;
    std::string_view message;
  };
  const Case cases[] = {
      {{gone(), wrong()}, SinkError::unavailable, "gone"},
      {{wrong(), gone()}, SinkError::misconfigured, "wrong"},
      {{gone(), doubt()}, SinkError::in_doubt, "doubt"},
      {{doubt(), gone()}, SinkError::in_doubt, "doubt"},
      {{gone(), doubt(), more_doubt()}, SinkError::in_doubt, "doubt"},
      {{gone(), unknown}, SinkError::in_doubt, "the sink threw a bug"},
  };
  for (const Case& each : cases) {
    for (const bool tend : {false, true}) {
      TeeSink tee{each.branches};
      const auto error = error_of(tee, tend);
      REQUIRE(error.has_value());
      CHECK(error->kind() == each.kind);
      CHECK(error->what() == each.message);
    }
  }
}

TEST_CASE("a tee tends every branch") {
  const auto broken = failing(SinkError::unavailable, "gone");
  const auto behind = failing(SinkError::unavailable, "gone too");
  TeeSink tee{{broken, behind}};
  CHECK(error_of(tee, true).has_value());
  CHECK(broken->tends == 1);
  CHECK(behind->tends == 1);
  TeeSink fine{{std::make_shared<MemorySink>()}};
  CHECK_FALSE(error_of(fine, true).has_value());
}

TEST_CASE("an event that any branch of a tee refused counts as refused, and once") {
  using Indices = std::vector<std::size_t>;
  TeeSink tee{{std::make_shared<RefusingSink>(Indices{2}),
               std::make_shared<RefusingSink>(Indices{0, 2}), std::make_shared<MemorySink>()}};
  const Batch batch = numbered_batch("e", 4);
  tee.write(batch);
  Indices refused;
  for (const auto& refusal : batch.refusals()) refused.push_back(refusal.index);
  CHECK(refused == Indices{2, 0});
}
