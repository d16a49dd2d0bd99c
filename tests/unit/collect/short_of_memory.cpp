// That a collector outlives a lack of memory on each of its threads, and answers all the same. Each
// case is run with no allocation left, with one, with two and so on, until none fails.
#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <latch>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "collect/answers.hpp"
#include "eventcollect/collector.hpp"
#include "eventcollect/memory.hpp"
#include "eventcollect/rejections.hpp"
#include "sink/guard.hpp"
#include "support/allocations.hpp"
#include "support/events.hpp"
#include "support/gate_sink.hpp"
#include "support/wait.hpp"

namespace eventcollect::test {
namespace {

using namespace std::chrono_literals;
using Names = std::vector<std::string>;

const ManualClock test_clock{some_time};

// So many allocations are left to a thread, and so many fail then.
struct Shortage {
  std::size_t left;
  std::size_t failures;
  void begin() const { starve(left, failures); }
};

// Runs `run` with less and less of a shortage, until no allocation fails.
void with_shortages(const std::function<void(const Shortage& shortage)>& run) {
  for (const std::size_t failures : {1U, 2U, 5U, 30U}) {
    CAPTURE(failures);
    for (std::size_t left = 0;; ++left) {
      CAPTURE(left);
      REQUIRE(left < 1'000);
      failed_allocations = 0;
      run({left, failures});
      if (failed_allocations == 0) break;
    }
  }
}

std::size_t count_of(const std::string& name, const Names& names) {
  return static_cast<std::size_t>(std::count(names.begin(), names.end(), name));
}

// Something that a user's handler does, and that needs memory.
void say(std::string_view what) { static_cast<void>(std::string(100, ' ').append(what)); }

// Who sends events to a collector, and what they are told.
class Senders {
 public:
  CollectorOptions options() {
    CollectorOptions options;
    options.clock = &test_clock;
    options.maintain_interval = 1ms;
    options.on_failure = [](const Error& error) { say(error.what()); };
    options.on_recovery = [] { say("recovered"); };
    options.on_lost = [this](const Event& event, std::string_view why) {
      {
        const Fed fed;
        const std::lock_guard lock{mutex_};
        lost_.emplace_back(event.name);
      }
      say(why);
    };
    return options;
  }

  void send(Collector& collector, const std::string& name) {
    const std::size_t place = answers_.size();
    {
      const std::lock_guard lock{mutex_};
      answers_.push_back({name, 0, false});
    }
    collector.collect(event_named(name), [this, place](const Receipt&, const Error* failure) {
      {
        const Fed fed;
        const std::lock_guard lock{mutex_};
        ++answers_[place].count;
        answers_[place].is_stored = failure == nullptr;
      }
      say("answered");
    });
  }

  void track(Collector& collector, const std::string& name) {
    tickets_.emplace_back(name, collector.track(name));
  }

  // Requests and tracked events, in turn.
  void send_mixed(Collector& collector) {
    for (const char* number : {"1", "2", "3", "4"}) {
      send(collector, std::string{"request"} + number);
      track(collector, std::string{"tracked"} + number);
    }
  }

  bool are_answered(std::size_t count) const {
    const std::lock_guard lock{mutex_};
    return std::all_of(answers_.begin(), answers_.begin() + static_cast<std::ptrdiff_t>(count),
                       [](const Answer& answer) { return answer.count > 0; });
  }

  // Once the collector is closed: everybody was told, once, and the truth.
  void check(const Collector& collector, const Names& stored) const {
    const std::lock_guard lock{mutex_};
    for (const Answer& answer : answers_) {
      CAPTURE(answer.name);
      CHECK(answer.count == 1);
      if (!answer.is_stored) continue;
      CHECK(count_of(answer.name, stored) + count_of(answer.name, lost_) == 1);
    }
    for (const auto& tracked : tickets_) {
      const std::string& name = tracked.first;
      const Ticket& ticket = tracked.second;
      CAPTURE(name);
      const bool is_lost = ticket.status() == Ticket::Status::lost;
      CHECK(ticket.status() == (is_lost ? Ticket::Status::lost : Ticket::Status::durable));
      CHECK(count_of(name, lost_) == (is_lost ? 1 : 0));
      CHECK(count_of(name, stored) == (is_lost ? 0 : 1));
    }
    CHECK(collector.statistics().sink.events_lost == lost_.size());
    CHECK(collector.statistics().sink.events_stored == stored.size());
  }

  std::size_t lost() const { return lost_.size(); }

 private:
  struct Answer {
    std::string name;
    int count;
    bool is_stored;
  };

  mutable std::mutex mutex_;
  std::vector<Answer> answers_;
  std::vector<std::pair<std::string, Ticket>> tickets_;
  Names lost_;
};

// How often a sink fails from its first write on.
struct Failures {
  Error::Kind kind;
  int writes;
  int maintains;
};

// A sink that is short of memory, like its thread, once its first write has begun.
class StarvingSink final : public Sink {
 public:
  StarvingSink(const Shortage& shortage, const Failures& failures)
      : shortage_{shortage}, failures_{failures} {}

  void wait_for_write() { begun_.wait(); }
  void go_on() { go_on_.count_down(); }

  // The names of the events that it has stored, once the collector is closed.
  const Names& names() const { return names_; }

  void write(const Batch& batch, Rejections&) override {
    if (!std::exchange(has_begun_, true)) {
      begun_.count_down();
      go_on_.wait();
      shortage_.begin();
    }
    fail(failures_.writes);
    const Fed fed;
    for (const Event& event : batch) names_.emplace_back(event.name);
  }

  void maintain() override {
    if (has_begun_) fail(failures_.maintains);
  }

 private:
  void fail(int& times) const {
    if (times > 0 && times-- > 0) throw Error{failures_.kind, "told to fail, and to say so"};
  }

  const Shortage shortage_;
  Failures failures_;
  bool has_begun_ = false;
  std::latch begun_{1};
  std::latch go_on_{1};
  Names names_;
};

// Sends while the sink hangs, which then fails.
void send_into(const Failures& failures, const Shortage& shortage, CollectorOptions options,
               Senders& senders) {
  const auto sink = std::make_shared<StarvingSink>(shortage, failures);
  Collector collector{sink, std::move(options)};
  senders.track(collector, "first");
  sink->wait_for_write();
  senders.send_mixed(collector);
  sink->go_on();
  REQUIRE(collector.close(wait_limit));
  senders.check(collector, sink->names());
}

constexpr Failures all_failures[] = {
    {Error::unavailable, 1, 0}, {Error::in_doubt, 2, 0},    {Error::in_doubt, 2, 3},
    {Error::unavailable, 8, 0}, {Error::unavailable, 0, 2},
};

}  // namespace

TEST_CASE("writes that fail for a collector short of memory cost no answer") {
  for (const Failures& failures : all_failures) {
    CAPTURE(failures.writes);
    CAPTURE(failures.maintains);
    for (const std::size_t max_batch_bytes : {std::size_t{1}, std::size_t{8} << 20}) {
      CAPTURE(max_batch_bytes);
      with_shortages([&](const Shortage& shortage) {
        Senders senders;
        CollectorOptions options = senders.options();
        options.max_batch_bytes = max_batch_bytes;
        send_into(failures, shortage, std::move(options), senders);
      });
    }
  }
}

TEST_CASE("what was acknowledged when it was accepted is kept without memory") {
  for (const Failures& failures : all_failures) {
    CAPTURE(failures.writes);
    CAPTURE(failures.maintains);
    with_shortages([&](const Shortage& shortage) {
      Senders senders;
      CollectorOptions options = senders.options();
      options.acknowledge = Acknowledge::accepted;
      send_into(failures, shortage, std::move(options), senders);
      CHECK(senders.lost() == 0);
    });
  }
}

TEST_CASE("a collector that is short of memory when it is closed gives up what it cannot write") {
  for (const std::size_t max_batch_bytes : {std::size_t{1}, std::size_t{8} << 20}) {
    CAPTURE(max_batch_bytes);
    with_shortages([&](const Shortage& shortage) {
      const auto sink = std::make_shared<GateSink>();
      Senders senders;
      CollectorOptions options = senders.options();
      options.max_batch_bytes = max_batch_bytes;
      Collector collector{sink, std::move(options)};
      senders.track(collector, "first");
      sink->wait_for_writes(1);
      senders.send_mixed(collector);
      shortage.begin();
      const bool is_all_written = collector.close(0ms);
      starve(SIZE_MAX, SIZE_MAX);
      CHECK_FALSE(is_all_written);
      senders.check(collector, {});
      CHECK(senders.lost() == 5);
      sink->let_all();
    });
  }
}

TEST_CASE("a thread that is short of memory answers what is overdue") {
  const auto sink = std::make_shared<GateSink>();
  Senders senders;
  CollectorOptions options = senders.options();
  options.acknowledge_timeout = 1ms;
  Collector collector{sink, std::move(options)};
  collector.collect(event_named("first"),
                    [](const Receipt&, const Error*) { starve(0, SIZE_MAX); });
  wait_until([&] { return collector.statistics().sink.deadlines_missed == 1; });
  for (std::size_t sent = 1; sent <= 3; ++sent) {
    senders.send(collector, "request" + std::to_string(sent));
    wait_until([&] { return senders.are_answered(sent); });
  }
  sink->let_all();
  CHECK(collector.close(wait_limit));
}

TEST_CASE("an event that there is no memory to track is lost, and its ticket says so") {
  with_shortages([](const Shortage& shortage) {
    const auto sink = std::make_shared<MemorySink>();
    Senders senders;
    Collector collector{sink, senders.options()};
    const TrackOptions options{.url = "https://example.org/"};
    shortage.begin();
    const Ticket ticket = collector.track("tracked", {}, options);
    starve(SIZE_MAX, SIZE_MAX);
    REQUIRE(collector.close(wait_limit));
    const bool is_stored = sink->lines().size() == 1;
    CHECK(ticket.status() == (is_stored ? Ticket::Status::durable : Ticket::Status::lost));
    CHECK(senders.lost() == (is_stored ? 0 : 1));
    CHECK(collector.statistics().sink.events_lost == senders.lost());
  });
}

TEST_CASE("what a sink rejects is told without memory") {
  collect::Group group;
  std::size_t stored = 0;
  std::size_t rejected = 0;
  for (int i = 0; i < 3; ++i) {
    group.add(numbered_batch("e", 2), 0, 2, collect::OnFailure::report,
              [&](const collect::Outcome& outcome) {
                if (outcome.failure == nullptr) stored += 2 - outcome.rejections.size();
                rejected += outcome.rejections.size();
              });
  }
  Rejections rejections;
  for (const std::size_t index : {5U, 0U, 2U}) {
    rejections.add(group.batch[index], "for a reason that is too long for a small string");
  }
  starve(0, SIZE_MAX);
  collect::answer_stored(group, rejections.take(), {});
  starve(SIZE_MAX, SIZE_MAX);
  CHECK(stored == 3);
  CHECK(rejected == 3);
}

TEST_CASE("what is thrown where memory is short is an error in doubt") {
  starve(0, SIZE_MAX);
  const auto error = sink::guard([] { throw 7; });
  starve(SIZE_MAX, SIZE_MAX);
  REQUIRE(error);
  CHECK(error->kind() == Error::in_doubt);
}

}  // namespace eventcollect::test
