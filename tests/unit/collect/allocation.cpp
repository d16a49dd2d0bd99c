// That collecting costs no allocation once the buffers have grown, and what is left where one
// fails.
#include <doctest/doctest.h>

#include <cstdlib>
#include <future>
#include <new>

#include "collect/ingest_letters.hpp"
#include "collect/submission_queue.hpp"
#include "eventcollect/endpoint.hpp"
#include "eventcollect/memory.hpp"
#include "eventcollect/stored_event.hpp"
#include "support/allocations.hpp"
#include "support/events.hpp"
#include "support/parsing.hpp"
#include "support/replaced_new.hpp"

bool eventcollect::test::may_allocate(std::size_t) noexcept {
  ++allocations;
  if (allocations_left == 0) {
    ++failed_allocations;
    if (failures_left != SIZE_MAX && --failures_left == 0) allocations_left = SIZE_MAX;
    return false;
  }
  if (allocations_left != SIZE_MAX) --allocations_left;
  return true;
}

using namespace eventcollect;
using collect::Done;
using collect::OnFailure;
using collect::Outcome;
using collect::SteadyTime;
using collect::SubmissionQueue;
using test::allocations;
using test::allocations_left;

namespace {

constexpr std::string_view typical =
    R"({"event":"clicked_event","url":"https://www.example.com/blog/post?ref=feed#top",)"
    R"("properties":{"element":"button","text":"Read more","position":{"x":118,"y":2040},)"
    R"("path":["main","article","button"],"clickable":false},)"
    R"("client_time":1763922999000,"sent_time":"2025-11-23T18:36:40Z"})";

// Spaces, escapes and more keys than are compared one by one.
constexpr std::string_view untypical =
    R"({ "event" : "\u0063licked", "url":"https:\/\/a.example\/?q#f", "properties": {"\u0061":1,)"
    R"("b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9,"j":10,"k":11,"l":12,"m":13,"n":14}})";

std::string hundred(std::string_view text) {
  std::string body = R"({"sent_time":1763922999500,"batch":[)";
  for (int i = 0; i < 100; ++i) {
    if (i > 0) body += ',';
    body += text;
  }
  return body + "]}";
}

// The allocations of parsing `body` into a batch that was used for the same before.
std::size_t steady_allocations(std::string_view body, BodyFormat format, std::size_t expected) {
  Parser parser;
  Batch batch;
  std::vector<Rejection> rejected;
  const Rules rules{.strip_query = true};
  std::size_t counted = 0;
  for (int round = 0; round < 4; ++round) {
    batch.clear();
    const std::size_t before = allocations;
    parser.parse(body, format, {.server_time = test::server_time, .context = R"({"ip":"::"})"},
                 rules, batch, rejected);
    counted = allocations - before;
    REQUIRE(batch.size() == expected);
    REQUIRE(rejected.empty());
  }
  return counted;
}

}  // namespace

TEST_CASE("allocations are counted") {
  const std::size_t before = allocations;
  const auto text = std::make_unique<std::string>(100, 'x');
  CHECK(allocations - before == 2);
}

TEST_CASE("an event costs no allocation once the buffers have grown") {
  CHECK(steady_allocations(typical, BodyFormat::json, 1) == 0);
  CHECK(steady_allocations(typical, BodyFormat::ndjson, 1) == 0);
  CHECK(steady_allocations(untypical, BodyFormat::ndjson, 1) == 0);
}

TEST_CASE("a hundred events in a body cost no allocation once the buffers have grown") {
  CHECK(steady_allocations(hundred(typical), BodyFormat::json, 100) == 0);
}

TEST_CASE("reading stored events costs no allocation once the buffers have grown") {
  const Batch stored = std::move(test::parse(hundred(untypical)).batch);
  const Batch& events = stored;
  const std::string spaced = "{ " + std::string{events[0].line.substr(1)};
  StoredEventReader reader;
  Batch batch;
  std::size_t counted = 1;
  for (int round = 0; round < 3; ++round) {
    batch.clear();
    const std::size_t before = allocations;
    bool read = !reader.append(spaced, batch);
    for (const Event& event : events) read = !reader.append(event.line, batch) && read;
    counted = allocations - before;
    CHECK(read);
  }
  CHECK(counted == 0);
}

TEST_CASE("appending batch to batch and reading its events cost no allocation either") {
  const Batch source = std::move(test::parse(hundred(typical)).batch);
  Batch batch;
  std::size_t counted = 1;
  for (int round = 0; round < 3; ++round) {
    batch.clear();
    const std::size_t before = allocations;
    batch.append(source, 0, 60);
    batch.append(source, 60, 40);
    const bool whole = batch.size() == 100;
    counted = allocations - before;
    CHECK(whole);
  }
  CHECK(counted == 0);
}

TEST_CASE("letters over the rate cost no allocation") {
  collect::IngestLetters letters{std::make_shared<MemorySink>(),
                                 0,
                                 {.queue = {1 << 20, 1 << 20},
                                  .health = {std::chrono::hours{1}, std::chrono::hours{1}},
                                  .events = {},
                                  .on_failure = {},
                                  .on_recovery = {}}};
  const std::vector<Rejection> rejections(1'000, {.code = code::url_type, .raw = "{}"});
  const std::size_t before = allocations;
  letters.add(test::server_time, rejections);
  CHECK(allocations - before == 0);
  CHECK(letters.over_rate() == 1'000);
}

TEST_CASE(
    "an allocation that fails while parsing leaves whole events, and a parser as good as new") {
  const std::string body = '[' + std::string{typical} + ',' + std::string{untypical} + ",{}," +
                           std::string{typical} + ']';
  bool finished = false;
  for (std::size_t left = 0; !finished && left < 1000; ++left) {
    CAPTURE(left);
    Parser parser;
    Batch batch;
    std::vector<Rejection> rejected;
    const auto parse = [&](const std::string& text) {
      parser.parse(text, BodyFormat::json, {.server_time = test::server_time}, {}, batch, rejected);
    };
    {
      const std::string gone = body;  // so that a view that is kept too long is seen by asan
      allocations_left = left;
      try {
        parse(gone);
        finished = true;
      } catch (const std::bad_alloc&) {
      }
      allocations_left = SIZE_MAX;
    }
    std::string lines;
    for (const Event& event : batch) {
      CHECK(is_json_object(event.line));
      lines.append(event.line) += '\n';
    }
    const bool same_lines = batch.ndjson() == lines;
    CHECK(same_lines);
    batch.clear();
    rejected.clear();
    parse(R"([{"event":"a"},{"event":"b"}])");
    REQUIRE(batch.size() == 2);
    CHECK(rejected.empty());
    CHECK(batch[1].name == "b");
  }
  CHECK(finished);
}

TEST_CASE("an allocation that fails while appending leaves the batch as it was") {
  const Batch source = std::move(test::parse(hundred(untypical)).batch);
  bool finished = false;
  for (std::size_t left = 0; !finished && left < 100; ++left) {
    CAPTURE(left);
    Batch batch;
    batch.append(source, 0, 1);
    const std::string before{batch.ndjson()};
    allocations_left = left;
    try {
      batch.append(source);
      finished = true;
    } catch (const std::bad_alloc&) {
    }
    allocations_left = SIZE_MAX;
    if (finished) break;
    CHECK(batch.size() == 1);
    const bool unchanged = batch.ndjson() == before;
    CHECK(unchanged);
  }
  CHECK(finished);
}

namespace {

// A sink that leaves the thread that answers `left` allocations, until an answer comes.
struct StarvingSink final : Sink {
  explicit StarvingSink(std::size_t left_) : left{left_} {}
  void write(const Batch& batch, Rejections& rejections) override {
    for (const Event& event : batch) {
      if (event.name == "bad")
        rejections.add(event, "a reason that is long enough to be on the heap");
    }
    allocations_left = left;
  }
  const std::size_t left;
};

Request starving_post(std::string_view body) {
  Request request;
  request.method = "POST";
  request.path = "/events";
  request.host = "example.org";
  request.origin = "https://other.example.org";
  request.content_type = "application/json";
  request.body = body;
  return request;
}

// The statuses of the answers to one request, given when `left` allocations are.
std::vector<int> starved_answers(std::string_view body, std::size_t left, bool when_answering) {
  std::promise<void> answered;
  std::vector<int> statuses;
  statuses.reserve(8);
  const auto letters = std::make_shared<MemorySink>();
  Collector collector{std::make_shared<StarvingSink>(when_answering ? left : SIZE_MAX),
                      {.dead_letters = letters}};
  const Endpoint endpoint{collector, {.allowed_origins = {"https://other.example.org"}}};
  const std::function<void(Response)> respond = [&](const Response& response) {
    allocations_left = SIZE_MAX;
    statuses.push_back(response.status);
    answered.set_value();
  };
  bool is_thrown = false;
  if (!when_answering) allocations_left = left;
  try {
    endpoint.handle(starving_post(body), respond);
  } catch (const std::bad_alloc&) {
    is_thrown = true;
  }
  allocations_left = SIZE_MAX;
  if (!is_thrown) answered.get_future().wait();
  collector.close(std::chrono::seconds{10});
  if (is_thrown) statuses.push_back(503);  // by the front
  return statuses;
}

}  // namespace

TEST_CASE("a request that runs out of memory is answered once, at worst with 503") {
  const std::pair<std::string_view, int> cases[] = {
      {R"({"event":"good"})", 202},
      {R"([{"event":"bad"},{"event":"good"},7])", 202},
      {R"({"event":"bad"})", 400},
      {R"([7])", 400},
  };
  for (const auto& each : cases) {
    const std::string_view body = each.first;
    const int status = each.second;
    for (const bool when_answering : {false, true}) {
      bool is_fine = false;
      for (std::size_t left = 0; !is_fine && left < 200; ++left) {
        CAPTURE(body);
        CAPTURE(when_answering);
        CAPTURE(left);
        const std::vector<int> answers = starved_answers(body, left, when_answering);
        REQUIRE(answers.size() == 1);
        is_fine = answers[0] == status;
        if (!is_fine) REQUIRE(answers[0] == 503);
      }
      CHECK(is_fine);
    }
  }
}

TEST_CASE("a submission that runs out of memory leaves no deadline behind") {
  const Batch events = test::batch_of({std::string{typical}});
  for (std::size_t left = 0;; ++left) {
    CAPTURE(left);
    SubmissionQueue queue{{SIZE_MAX / 2, 1}};
    Done done = [](const Outcome&) {};
    bool is_added = true;
    allocations_left = left;
    try {
      queue.add(events, OnFailure::report, std::move(done), SteadyTime{});
    } catch (const std::bad_alloc&) {
      is_added = false;
    }
    allocations_left = SIZE_MAX;
    CHECK(queue.events() == (is_added ? 1 : 0));
    if (is_added) break;
    // The next one has a number, too, and no deadline.
    queue.add(
        events, OnFailure::keep, [](const Outcome&) {}, SteadyTime::max());
    CHECK_FALSE(queue.take_overdue(SteadyTime{}));
  }
}
