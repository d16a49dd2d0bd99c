#include "collect/answers.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <string>

#include "eventcollect/rejections.hpp"
#include "support/events.hpp"

namespace eventcollect::test {

using collect::answer_stored;
using collect::give_up;
using collect::Group;
using collect::OnFailure;
using collect::Outcome;

namespace {

// What one sender was told.
struct Answer {
  std::vector<std::size_t> rejected;
  std::optional<Error::Kind> failure;
};

// A group of submissions, whose answers are kept by their place in it.
struct Senders {
  explicit Senders(std::size_t count) : answers(count) {}

  void submit(Group& group, const Batch& events, OnFailure on_failure) {
    auto& answer = answers[group.submissions.size()];
    group.add(events, 0, events.size(), on_failure, [&answer](const Outcome& outcome) {
      answer.emplace();
      if (outcome.failure != nullptr) answer->failure = outcome.failure->kind();
      for (const Rejection& one : outcome.rejections) answer->rejected.push_back(one.index);
    });
  }

  std::vector<std::optional<Answer>> answers;
};

using Indexes = std::vector<std::size_t>;

}  // namespace

TEST_CASE("each sender is told of its own rejections, by index in its submission") {
  Senders senders{4};
  Group group;
  for (const std::size_t count : Indexes{3, 2, 1, 2}) {
    senders.submit(group, numbered_batch("e", count), OnFailure::report);
  }
  Rejections rejections;
  for (const std::size_t index : Indexes{7, 0, 2, 3}) rejections.add(group.batch[index], "no");
  answer_stored(group, rejections.take(), {});
  CHECK(senders.answers[0]->rejected == Indexes{0, 2});
  CHECK(senders.answers[1]->rejected == Indexes{0});
  CHECK(senders.answers[2]->rejected.empty());
  CHECK(senders.answers[3]->rejected == Indexes{1});
  for (const auto& answer : senders.answers) CHECK_FALSE(answer->failure);
}

TEST_CASE("handlers hear of rejected events, and the owner of those that were kept") {
  Senders senders{2};
  Group group;
  senders.submit(group, batch_of({event_named("client")}), OnFailure::report);
  senders.submit(group, batch_of({event_named("kept")}), OnFailure::keep);
  Rejections rejections;
  rejections.add(group.batch[0], "not this");
  rejections.add(group.batch[1], "nor this");
  std::string heard;
  const auto note = [&](std::string_view what) {
    return [&heard, what](const Event& event, std::string_view why) {
      heard.append(what).append(" ").append(event.name).append(": ").append(why).append("\n");
    };
  };
  answer_stored(group, rejections.take(), {note("rejected"), note("lost")});
  CHECK(heard == "rejected client: not this\nrejected kept: nor this\nlost kept: nor this\n");
}

TEST_CASE("what is given up is lost event by event where it was kept, and answered") {
  Senders senders{3};
  Group group;
  senders.submit(group, batch_of({event_named("client")}), OnFailure::report);
  senders.submit(group, numbered_batch("kept", 2), OnFailure::keep);
  group.add(batch_of({event_named("silent")}), 0, 1, OnFailure::drop, {});
  std::string lost;
  const auto note = [&](const Event& event, std::string_view why) {
    lost.append(event.name).append(": ").append(why).append("\n");
  };
  give_up(group.batch, group.submissions, {Error::unavailable, "closed"}, {{}, note});
  CHECK(lost == "kept0: closed\nkept1: closed\n");
  CHECK(senders.answers[0]->failure == Error::unavailable);
  CHECK(senders.answers[1]->failure == Error::unavailable);
}

}  // namespace eventcollect::test
