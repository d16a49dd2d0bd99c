#include "collect/submission_queue.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "support/events.hpp"

namespace eventcollect::test {

using collect::Backlog;
using collect::Done;
using collect::Group;
using collect::Groups;
using collect::OnFailure;
using collect::Outcome;
using collect::SteadyTime;
using collect::Submission;
using collect::SubmissionQueue;

namespace {

using namespace std::chrono_literals;
using Names = std::vector<std::string>;

constexpr SteadyTime start{};
constexpr std::size_t no_bound = SIZE_MAX / 2;

Names names_of(const Batch& batch) {
  Names names;
  for (const Event& event : batch) names.emplace_back(event.name);
  return names;
}

Batch one_event(std::string_view name) { return batch_of({event_named(name)}); }

void keep(SubmissionQueue& queue, const Batch& events) {
  queue.add(events, OnFailure::keep, {}, SteadyTime::max());
}

// Writes once; the write fails where `fails` says so of the batch. The names of the batch.
template <typename Fails>
Names write(SubmissionQueue& queue, bool is_retry_due, Fails&& fails) {
  const Batch& batch = queue.begin_write(is_retry_due);
  Names names = names_of(batch);
  if (fails(names)) {
    queue.write_failed();
  } else {
    queue.write_succeeded();
  }
  return names;
}

const auto always = [](const Names&) { return true; };
const auto never = [](const Names&) { return false; };

auto with(const std::string& name) {
  return [name](const Names& names) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
}

// A queue whose backlog is `count` events that arrived one by one while the sink failed.
SubmissionQueue after_outage(std::size_t count) {
  SubmissionQueue queue{{no_bound, 8 << 20}};
  const Batch event = one_event("kept");
  for (std::size_t i = 0; i < count; ++i) {
    keep(queue, event);
    queue.begin_write(false);
    queue.write_failed();
  }
  return queue;
}

}  // namespace

TEST_CASE("arrivals gather in groups that begin nothing above the bound of a batch") {
  SubmissionQueue queue{{no_bound, 1'000}};
  const Batch events = numbered_batch("e", 3);
  std::size_t groups = 0;
  for (int i = 0; i < 10; ++i) {
    if (queue.add(events, OnFailure::report, {}, SteadyTime::max())) ++groups;
  }
  CHECK(queue.events() == 30);
  std::size_t written = 0;
  for (std::size_t i = 0; i < groups; ++i) {
    const Batch& batch = queue.begin_write(false);
    CHECK(batch.bytes() < 1'000 + events.bytes());
    written += batch.size();
    queue.write_succeeded();
  }
  CHECK(groups > 2);
  CHECK(written == 30);
  CHECK_FALSE(queue.has_new());
  CHECK(queue.memory_bytes() == 0);
}

TEST_CASE("the bound counts what arrived, what is being written and what is kept") {
  const Batch event = one_event("e");
  const std::size_t bytes = event.memory_bytes() + sizeof(Submission);
  SubmissionQueue queue{{3 * bytes, 1}};
  keep(queue, event);
  queue.begin_write(false);
  queue.write_failed();
  keep(queue, event);
  keep(queue, event);
  CHECK(queue.memory_bytes() == 3 * bytes);
  CHECK_FALSE(queue.has_room_for(event));
  queue.begin_write(true);
  CHECK(queue.memory_bytes() == 3 * bytes);
  queue.write_failed();
  queue.begin_write(false);
  CHECK_FALSE(queue.has_room_for(event));
  queue.write_succeeded();
  CHECK(queue.memory_bytes() == 2 * bytes);
  CHECK(queue.events() == 2);
  CHECK(queue.has_room_for(event));
}

TEST_CASE("a failed write gives back what is to be answered and keeps the rest") {
  SubmissionQueue queue{{no_bound, no_bound}};
  queue.add(one_event("client"), OnFailure::report, {}, SteadyTime::max());
  keep(queue, one_event("kept"));
  queue.add(one_event("dropped"), OnFailure::drop, {}, SteadyTime::max());
  keep(queue, one_event("also kept"));
  queue.begin_write(false);
  const Groups groups = queue.write_failed();
  REQUIRE(groups.size() == 1);
  const auto& submissions = groups.front().submissions;
  REQUIRE(submissions.size() == 2);
  CHECK(submissions[0].on_failure == OnFailure::report);
  CHECK(submissions[1].on_failure == OnFailure::drop);
  CHECK(queue.events() == 2);
  CHECK(write(queue, true, never) == Names{"kept"});
  CHECK(write(queue, true, never) == Names{"also kept"});
  CHECK_FALSE(queue.has_kept());
}

TEST_CASE("an event that makes the sink fail is alone in the end, and the others get through") {
  for (int poison = 0; poison < 16; ++poison) {
    CAPTURE(poison);
    SubmissionQueue queue{{no_bound, no_bound}};
    for (int i = 0; i < 16; ++i) keep(queue, one_event(std::to_string(i)));
    const auto fails = with(std::to_string(poison));
    int failures = 0;
    Names stored;
    write(queue, false, fails);
    for (int writes = 0; queue.events() > 1 && writes < 32; ++writes) {
      const Names last = write(queue, true, fails);
      if (fails(last)) {
        ++failures;
      } else {
        stored.insert(stored.end(), last.begin(), last.end());
      }
    }
    CHECK(stored.size() == 15);
    CHECK(failures <= 5);
    CHECK(write(queue, true, fails) == Names{std::to_string(poison)});
    CHECK(queue.events() == 1);
  }
}

TEST_CASE("a failed retry is repeated smaller, and after a success the next is larger") {
  SubmissionQueue queue{{no_bound, no_bound}};
  for (int i = 0; i < 64; ++i) keep(queue, one_event("e"));
  write(queue, false, always);
  CHECK(write(queue, true, always).size() == 32);
  CHECK(write(queue, true, always).size() == 16);
  CHECK(write(queue, true, always).size() == 8);
  CHECK(write(queue, true, always).size() == 4);
  CHECK(write(queue, true, always).size() == 2);
  CHECK(write(queue, true, always).size() == 1);
  for (const std::size_t size : std::vector<std::size_t>{1, 2, 4, 8, 16, 32, 1}) {
    CHECK(write(queue, true, never).size() == size);
  }
  CHECK_FALSE(queue.has_kept());
}

TEST_CASE("retries take turns with what is new, and never share a batch with it") {
  SubmissionQueue queue{{no_bound, no_bound}};
  for (int i = 0; i < 4; ++i) keep(queue, one_event("kept"));
  write(queue, false, always);
  keep(queue, one_event("new"));
  CHECK(write(queue, true, never) == Names{"kept", "kept"});
  CHECK(write(queue, true, never) == Names{"new"});
  keep(queue, one_event("new"));
  CHECK(write(queue, true, never) == Names{"kept", "kept"});
  CHECK(write(queue, false, never) == Names{"new"});
}

TEST_CASE("a retry takes no more than a batch may have") {
  SubmissionQueue queue{{no_bound, 1'000}};
  const Batch event = one_event("kept");
  for (int i = 0; i < 100; ++i) {
    keep(queue, event);
    write(queue, false, always);
  }
  for (int writes = 0; queue.has_kept() && writes < 100; ++writes) {
    CHECK(queue.begin_write(true).bytes() < 1'000 + event.bytes());
    queue.write_succeeded();
  }
  CHECK_FALSE(queue.has_kept());
}

TEST_CASE("a backlog of 100,000 events costs a submission nothing, and an outage little") {
  constexpr std::size_t count = 100'000;
  SubmissionQueue queue = after_outage(count);
  const Batch event = one_event("kept");
  const std::size_t event_bytes = event.memory_bytes() + sizeof(Submission);
  const Backlog& backlog = queue.backlog();
  REQUIRE(queue.events() == count);
  CHECK(queue.memory_bytes() == count * event_bytes);
  CHECK(backlog.copied_bytes() == count * event_bytes);
  const std::size_t groups = count * event.bytes() / (8 << 20) + 1;
  CHECK(backlog.groups() <= groups);

  std::uint64_t copied = backlog.copied_bytes();
  keep(queue, event);
  queue.begin_write(false);
  queue.write_failed();
  CHECK(backlog.copied_bytes() - copied == event_bytes);

  copied = backlog.copied_bytes();
  for (int i = 0; i < 1'000; ++i) CHECK(write(queue, true, always).size() == 1);
  CHECK(backlog.copied_bytes() - copied <= 2 * 1'000 * event_bytes);
  CHECK(backlog.groups() <= groups + 1);

  copied = backlog.copied_bytes();
  std::size_t writes = 0;
  for (; queue.has_kept() && writes < count; ++writes) write(queue, true, never);
  CHECK(writes <= 17 + groups);
  CHECK(backlog.copied_bytes() - copied <= (count + 1) * event_bytes);
  CHECK(queue.memory_bytes() == 0);
}

TEST_CASE("a large group that fails over and over stays in few groups") {
  SubmissionQueue queue{{no_bound, 8 << 20}};
  const Batch event = one_event("kept");
  for (int i = 0; i < 10'000; ++i) keep(queue, event);
  write(queue, false, always);
  for (int i = 0; i < 1'000; ++i) write(queue, true, always);
  CHECK(queue.events() == 10'000);
  CHECK(queue.backlog().groups() <= 16);
}

TEST_CASE("answers are taken when they are due, once, wherever their events are") {
  SubmissionQueue queue{{no_bound, 1}};
  std::string answered;
  const auto submit = [&](char name, SteadyTime deadline) {
    queue.add(
        one_event("e"), OnFailure::report, [&, name](const Outcome&) { answered += name; },
        deadline);
  };
  const auto answer_overdue = [&](SteadyTime now) {
    answered.clear();
    while (const Done done = queue.take_overdue(now)) done({});
    return answered;
  };
  submit('a', start + 3s);
  submit('b', start + 1s);  // it waited for room before
  submit('c', SteadyTime::max());
  submit('d', start + 4s);
  queue.begin_write(false);
  CHECK(queue.next_deadline() == start + 1s);
  CHECK(answer_overdue(start).empty());
  CHECK(answer_overdue(start + 3s) == "ba");
  CHECK(answer_overdue(start + 3s).empty());
  CHECK(queue.next_deadline() == start + 4s);
  CHECK(queue.events() == 4);
  CHECK_FALSE(queue.write_succeeded().front().submissions.front().done);
}

TEST_CASE("deadlines of what was answered are forgotten") {
  SubmissionQueue queue{{no_bound, no_bound}};
  queue.add(
      one_event("e"), OnFailure::report, [](const Outcome&) {}, start + 1s);
  queue.begin_write(false);
  queue.write_succeeded();
  CHECK(queue.next_deadline() == SteadyTime::max());
  queue.add(one_event("e"), OnFailure::report, {}, start + 1s);
  CHECK(queue.next_deadline() == SteadyTime::max());
}

TEST_CASE("what waits and what is being written can be taken to be given up") {
  SubmissionQueue queue{{no_bound, no_bound}};
  for (int i = 0; i < 4; ++i) keep(queue, one_event("kept" + std::to_string(i)));
  write(queue, false, always);
  write(queue, true, never);
  keep(queue, one_event("first"));
  const Batch& batch = queue.begin_write(false);
  keep(queue, one_event("second"));
  CHECK(queue.writing() == &batch);
  CHECK(queue.take_writing().size() == 1);
  CHECK(names_of(batch) == Names{"first"});
  Names waiting;
  for (const Group& group : queue.take_waiting()) {
    for (const Submission& one : group.submissions) {
      waiting.emplace_back(group.batch[one.first].name);
    }
  }
  CHECK(waiting == Names{"kept2", "kept3", "second"});
}

}  // namespace eventcollect::test
