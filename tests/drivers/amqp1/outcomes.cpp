// What becomes of a batch by what the broker says of its messages.
#include "drivers/amqp1/scripted_broker.hpp"
#include "drivers/amqp1/support.hpp"

namespace eventcollect::test {

TEST_CASE("a rejection blames an event only where its condition does") {
  enable_amqp1();
  struct Case {
    ScriptedOutcome outcome;
    const char* failure;  // of a batch of which the broker accepts the others
    const char* failure_alone;
  };
  for (const Case& one : {
           Case{{PN_REJECTED, "amqp:decode-error"}, "", ""},
           Case{{PN_REJECTED, "amqp:link:message-size-exceeded"}, "", ""},
           Case{{PN_REJECTED, "amqp:resource-limit-exceeded"}, "in_doubt: ", "unavailable: "},
           Case{{PN_REJECTED, "failed"}, "in_doubt: ", "unavailable: "},
           Case{{PN_RELEASED}, "in_doubt: ", "unavailable: "},
           Case{{PN_MODIFIED}, "in_doubt: ", "unavailable: "},
       }) {
    CAPTURE(one.outcome.state);
    CAPTURE(one.outcome.condition);
    const auto outcome_of = [&](std::string_view body) {
      return body.find(R"("e4")") == std::string_view::npos ? ScriptedOutcome{} : one.outcome;
    };
    const ScriptedBroker broker{{.outcome_of = outcome_of}};
    const auto sink = open_sink(broker.url());
    const bool is_blamed = std::string_view{one.failure}.empty();
    for (const std::size_t first : {0U, 4U}) {
      const Batch batch = first == 0 ? numbered_batch("e", 10) : batch_of({event_named("e4")});
      Rejections rejections;
      const std::string said = error_text([&] { rejections = write(*sink, batch); });
      CAPTURE(said);
      CHECK(said.starts_with(first == 0 ? one.failure : one.failure_alone));
      CHECK(said.empty() == is_blamed);
      REQUIRE(rejections.size() == (is_blamed ? 1 : 0));
    }
  }
}

TEST_CASE("an outcome that comes twice counts once") {
  enable_amqp1();
  const ScriptedBroker broker{{.repeats_two = true}};
  const auto sink = open_sink(broker.url() + "/?timeout=1s");
  const std::string said = error_text([&] { write(*sink, numbered_batch("e", 3)); });
  CAPTURE(said);
  CHECK(said.starts_with("in_doubt: "));
}

TEST_CASE("an event that is larger than the broker takes is rejected, and the others are sent") {
  enable_amqp1();
  std::size_t taken = 0;
  const auto count = [&](std::string_view) {
    ++taken;
    return ScriptedOutcome{};
  };
  const ScriptedBroker broker{{.outcome_of = count, .max_message_bytes = 2'000}};
  const std::string large =
      R"({"event":"large","properties":{"text":")" + std::string(2'000, 'x') + R"("}})";
  {
    const auto sink = open_sink(broker.url());
    const Rejections rejections =
        write(*sink, batch_of({event_named("a"), large, event_named("b")}));
    CHECK(rejections.size() == 1);
  }
  CHECK(taken == 2);
}

TEST_CASE("a user is not logged in as anybody else where the broker takes no password") {
  enable_amqp1();
  const ScriptedBroker broker{{}};
  std::string url = broker.url();
  url.insert(url.find("127"), "user:hunter2@");
  const auto sink = open_sink(url);
  const std::string said = error_text([&] { sink->maintain(); });
  CAPTURE(said);
  CHECK(contains_text(said, "misconfigured: "));
  CHECK_FALSE(contains_text(said, "hunter2"));
}

TEST_CASE("a target that the broker does not call a queue gets no event") {
  enable_amqp1();
  std::size_t taken = 0;
  const auto count = [&](std::string_view) {
    ++taken;
    return ScriptedOutcome{};
  };
  const ScriptedBroker broker{{.outcome_of = count, .offers_queue = false}};
  {
    const auto sink = open_sink(broker.url());
    const std::string said = error_text([&] { write(*sink, numbered_batch("e", 1)); });
    CHECK(contains_text(said, "misconfigured: "));
    CHECK(contains_text(said, "offers no queue 'events'"));
  }
  CHECK(taken == 0);
}

}  // namespace eventcollect::test
