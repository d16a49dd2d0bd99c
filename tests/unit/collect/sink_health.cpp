#include "collect/sink_health.hpp"

#include <doctest/doctest.h>

#include <vector>

namespace eventcollect::test {

using collect::SinkHealth;
using collect::SteadyTime;

namespace {

using namespace std::chrono_literals;
using Call = SinkHealth::Call;

const std::optional<Error> success;
const std::optional<Error> failure{Error{Error::in_doubt, "lost in commit"}};

// A sink that was maintained once, and a clock that stands still. The waits are 9, 12, 15, 27, 33,
// 36, 358 and then always 999 ms.
struct Setup {
  SteadyTime now{};
  SinkHealth health{{1s, 10s}, now, [] { return std::uint64_t{999}; }};

  Setup() { end(Call::maintain, success); }

  bool end(Call call, const std::optional<Error>& result) {
    health.begin_call(now);
    return health.end_call(call, now, result);
  }
  void bring_down() {
    end(Call::write, failure);
    end(Call::maintain, failure);
  }
};

}  // namespace

TEST_CASE("a sink whose write fails once is maintained before it is written to again") {
  Setup setup;
  CHECK(setup.health.may_write());
  setup.end(Call::write, failure);
  CHECK_FALSE(setup.health.may_write());
  CHECK_FALSE(setup.health.is_down());
  CHECK_FALSE(setup.health.is_ready(setup.now));
  CHECK(setup.health.maintain_at() == setup.now);
  CHECK(setup.end(Call::maintain, success));
  CHECK(setup.health.may_write());
  CHECK(setup.health.is_ready(setup.now));
  CHECK(setup.health.retry_at() == setup.now);
}

TEST_CASE("a sink is down once maintain fails, or a second write in a row") {
  Setup maintained;
  maintained.bring_down();
  CHECK(maintained.health.is_down());

  Setup written;
  written.end(Call::write, failure);
  written.end(Call::maintain, success);
  written.end(Call::write, failure);
  CHECK(written.health.is_down());

  Setup recovered;
  recovered.end(Call::write, failure);
  recovered.end(Call::maintain, success);
  recovered.end(Call::write, success);
  recovered.end(Call::write, failure);
  CHECK_FALSE(recovered.health.is_down());
}

TEST_CASE("the waits between the calls of a sink that is down grow up to the interval") {
  Setup setup;
  setup.end(Call::write, failure);
  std::vector<std::chrono::milliseconds::rep> waits;
  for (int i = 0; i < 9; ++i) {
    setup.end(Call::maintain, failure);
    const auto wait = setup.health.maintain_at() - setup.now;
    waits.push_back(std::chrono::duration_cast<std::chrono::milliseconds>(wait).count());
    setup.now += wait;
  }
  CHECK(waits == std::vector<std::chrono::milliseconds::rep>{9, 12, 15, 27, 33, 36, 358, 999, 999});
}

TEST_CASE("a sink that only writing shows to be down is called no more often") {
  Setup setup;
  setup.end(Call::write, failure);
  setup.end(Call::maintain, success);
  for (const auto wait : {9ms, 12ms, 15ms, 27ms, 33ms, 36ms, 358ms, 999ms, 999ms}) {
    setup.end(Call::write, failure);
    CHECK(setup.health.is_down());
    CHECK(setup.health.maintain_at() == setup.now + wait);
    setup.now += wait;
    CHECK(setup.end(Call::maintain, success));
  }
  setup.end(Call::write, success);
  setup.bring_down();
  CHECK(setup.health.maintain_at() == setup.now + 9ms);
}

TEST_CASE("what is kept is retried as soon as a sink that was down works again") {
  Setup setup;
  setup.bring_down();
  setup.now += 9ms;
  CHECK(setup.end(Call::maintain, success));
  CHECK(setup.health.may_write());
  CHECK(setup.health.retry_at() == setup.now);
}

TEST_CASE("one kept submission that fails alone waits, and does not bring the sink down") {
  Setup setup;
  for (const auto wait : {9ms, 12ms, 15ms}) {
    setup.end(Call::lone_retry, failure);
    CHECK_FALSE(setup.health.is_down());
    setup.end(Call::maintain, success);
    CHECK(setup.health.may_write());
    CHECK(setup.health.retry_at() == setup.now + wait);
  }
}

TEST_CASE("what fails alone is retried no sooner for others that succeed") {
  Setup setup;
  std::vector<SteadyTime::duration> waits;
  for (int i = 0; i < 5; ++i) {
    setup.now = setup.health.retry_at();
    setup.end(Call::lone_retry, failure);
    setup.end(Call::maintain, success);
    setup.end(Call::write, success);
    waits.push_back(setup.health.retry_at() - setup.now);
  }
  CHECK(waits == std::vector<SteadyTime::duration>{9ms, 12ms, 15ms, 27ms, 33ms});
  setup.end(Call::lone_retry, success);
  CHECK(setup.health.retry_at() == setup.now);
}

TEST_CASE("what is turned away was not given to the sink, so it is not in doubt") {
  Setup setup;
  setup.bring_down();
  CHECK(setup.health.refusal().kind() == Error::unavailable);
  CHECK(setup.health.refusal().what() == std::string{"the sink is down: lost in commit"});
  setup.end(Call::maintain, Error{Error::misconfigured, "no table"});
  CHECK(setup.health.refusal().kind() == Error::misconfigured);
}

}  // namespace eventcollect::test
