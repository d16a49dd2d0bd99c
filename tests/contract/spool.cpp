// The spool: what is written to it reaches every target, whatever they do meanwhile.
#include "eventcollect/spool.hpp"

#include <doctest/doctest.h>

#include <atomic>

#include "eventcollect/stored_event.hpp"
#include "eventcollect/url.hpp"
#include "support/directory.hpp"
#include "support/events.hpp"
#include "support/gate_sink.hpp"
#include "support/notices.hpp"
#include "support/scripted_sink.hpp"
#include "support/wait.hpp"
#include "support/writing.hpp"

namespace eventcollect::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds timeout{30};

// Small files, and little time between attempts.
SpoolOptions quick() {
  SpoolOptions options;
  options.files.rotate_bytes = 1'000;
  options.max_batch_age = milliseconds{0};
  options.retry.first_wait = milliseconds{1};
  options.retry.max_wait = milliseconds{5};
  return options;
}

std::shared_ptr<GateSink> open_gate() {
  auto sink = std::make_shared<GateSink>();
  sink->let_all();
  return sink;
}

std::shared_ptr<GateSink> broken_gate() {
  auto sink = std::make_shared<GateSink>();
  sink->let_all(throwing(Error::unavailable));
  return sink;
}

std::vector<std::string> names_of(std::string_view prefix, std::size_t count) {
  std::vector<std::string> names;
  names.reserve(count);
  for (std::size_t i = 0; i < count; ++i) names.push_back(std::string{prefix} + std::to_string(i));
  return names;
}

void write_each(const Spool& spool, std::string_view prefix, std::size_t count) {
  for (const std::string& name : names_of(prefix, count)) {
    write(*spool.sink(), batch_of({event_named(name)}));
  }
}

std::size_t sealed_in(const std::string& directory) {
  return names_in(directory, "Z.ndjson").size();
}

SpoolStatistics state_of(const Spool& spool, const std::string& target) {
  for (const SpoolStatistics& one : spool.statistics()) {
    if (one.target == target) return one;
  }
  FAIL("no target " << target);
  return {};
}

// Rejects the events of one name.
std::shared_ptr<ScriptedSink> picky_sink() {
  const auto sink = std::make_shared<ScriptedSink>();
  sink->always = [](const Batch& batch, Rejections& rejections) {
    for (const Event& event : batch) {
      if (event.name == "bad") rejections.add(event, "told to reject");
    }
  };
  return sink;
}

}  // namespace

TEST_CASE("a spool keeps what a target rejects in a folder of the former name, and says so") {
  TemporaryDirectory directory;
  std::filesystem::create_directory(directory.path("refused-a"));
  const Notices notices;
  {
    Spool spool{directory.path(), {{"a", picky_sink()}, {"b", picky_sink()}}, quick()};
    write(*spool.sink(), batch_of({event_named("bad")}));
    REQUIRE(spool.close(timeout));
  }
  REQUIRE(notices.all().size() == 1);
  CHECK(notices.all().front().starts_with("a: using '" + directory.path("refused-a") + "'"));
  CHECK_FALSE(std::filesystem::exists(directory.path("rejected-a")));
  for (const char* folder : {"refused-a", "rejected-b"}) {
    const std::string path = directory.path(folder);
    const auto sealed = names_in(path, ".ndjson");
    REQUIRE(sealed.size() == 1);
    CHECK(read_file(path + '/' + sealed.front()).find("told to reject") != std::string::npos);
  }
}

TEST_CASE("events reach the target of a spool in order, and its files go") {
  TemporaryDirectory directory;
  const auto target = open_gate();
  Spool spool{directory.path(), {{"a", target}}, quick()};
  write_each(spool, "n", 200);
  REQUIRE(spool.close(timeout));
  CHECK(target->names() == names_of("n", 200));
  CHECK(state_of(spool, "a").events_forwarded == 200);
  CHECK(state_of(spool, "a").backlog_bytes == 0);
  CHECK(state_of(spool, "a").oldest_age.count() == 0);
}

TEST_CASE("a target that fails holds up no other, and its files stay until it has them") {
  TemporaryDirectory directory;
  const auto well = open_gate();
  const auto ill = broken_gate();
  Spool spool{directory.path(), {{"ill", ill}, {"well", well}}, quick()};
  write_each(spool, "n", 50);
  wait_until([&] { return state_of(spool, "well").backlog_bytes == 0; });
  wait_until([&] { return state_of(spool, "ill").failures > 3; });
  CHECK(well->names() == names_of("n", 50));
  CHECK(ill->names().empty());
  CHECK(sealed_in(directory.path()) > 3);
  CHECK(state_of(spool, "ill").backlog_bytes > 0);
  CHECK(state_of(spool, "well").failures == 0);
  ill->let_all();
  wait_until([&] { return state_of(spool, "ill").backlog_bytes == 0; });
  CHECK(ill->names() == names_of("n", 50));
  wait_until([&] { return sealed_in(directory.path()) == 0; });
}

TEST_CASE("a spool knows how old the first event is that a target does not have") {
  TemporaryDirectory directory;
  Batch batch;
  REQUIRE_FALSE(StoredEventReader{}.append(
      R"({"event_id":"01890000-0000-7000-8000-000000000001","event":"e","properties":{},)"
      R"("server_time":1600000000000,"event_time":1600000000000})",
      batch));
  Spool spool{directory.path(), {{"a", broken_gate()}}, quick()};
  write(*spool.sink(), batch);
  wait_until([&] { return state_of(spool, "a").failures > 0; });
  CHECK(state_of(spool, "a").oldest_age > std::chrono::hours{24});
}

TEST_CASE("a spool goes on where the last one of its directory was") {
  TemporaryDirectory directory;
  const auto first = std::make_shared<GateSink>();
  {
    Spool spool{directory.path(), {{"a", first}}, quick()};
    write_each(spool, "n", 40);
    first->let_one();
    first->wait_for_writes(2);
    first->let_all(throwing(Error::unavailable));
    CHECK_FALSE(spool.close(milliseconds{0}));
  }
  const auto second = open_gate();
  Spool spool{directory.path(), {{"a", second}}, quick()};
  REQUIRE(spool.close(timeout));
  auto all = first->names();
  CHECK(all.size() > 0);
  CHECK(all.size() < 40);
  const auto rest = second->names();
  all.insert(all.end(), rest.begin(), rest.end());
  CHECK(all == names_of("n", 40));
}

TEST_CASE("a full spool rejects events until the target has taken some") {
  TemporaryDirectory directory;
  const auto target = broken_gate();
  SpoolOptions options = quick();
  options.files.rotate_bytes =
      100'000;  // more than the bound: a file must become whole all the same
  options.files.max_total_bytes = 4'000;
  Spool spool{directory.path(), {{"a", target}}, options};
  std::size_t taken = 0;
  const auto fill = [&] {
    for (;; ++taken) {
      write(*spool.sink(), batch_of({event_named("n" + std::to_string(taken))}));
      REQUIRE(taken < 1'000);
    }
  };
  CHECK_THROWS_AS(fill(), Error);
  CHECK(taken > 10);
  target->let_all();
  wait_until([&] {
    try {
      write(*spool.sink(), batch_of({event_named("n" + std::to_string(taken))}));
      return true;
    } catch (const Error&) {
      return false;
    }
  });
  ++taken;
  REQUIRE(spool.close(timeout));
  CHECK(target->names() == names_of("n", taken));
}

TEST_CASE("what a target rejects becomes a dead letter, and the rest is stored") {
  TemporaryDirectory directory;
  const auto target = picky_sink();
  Spool spool{directory.path(), {{"a", target}}, quick()};
  write(*spool.sink(), batch_of({event_named("x"), event_named("bad"), event_named("y")}));
  REQUIRE(spool.close(timeout));
  CHECK(target->names() == std::vector<std::string>{"x", "y"});
  const std::string letters = read_file(directory.path("rejected-a/current.ndjson"));
  CHECK(lines_of(letters).size() == 1);
  CHECK(letters.find("told to reject") != std::string::npos);
  CHECK(letters.find("sink.rejected") != std::string::npos);
  CHECK(state_of(spool, "a").events_rejected == 1);
  CHECK(state_of(spool, "a").events_forwarded == 2);
}

TEST_CASE("what a target rejects stays in the spool while it cannot be kept elsewhere") {
  TemporaryDirectory directory;
  const auto target = picky_sink();
  std::atomic<int> complaints{0};
  SpoolOptions options = quick();
  options.on_failure = [&](const std::string& name, const std::exception&) {
    if (name == "a") ++complaints;
  };
  {
    Spool spool{directory.path(), {{"a", target}}, options};
    std::filesystem::remove_all(directory.path("rejected-a"));
    write(*spool.sink(), batch_of({event_named("bad")}));
    wait_until([&] { return complaints > 2; });
    CHECK(state_of(spool, "a").backlog_bytes > 0);
    CHECK_FALSE(spool.close(milliseconds{0}));
  }
  Spool spool{directory.path(), {{"a", target}}, options};
  REQUIRE(spool.close(timeout));
  CHECK(state_of(spool, "a").events_rejected == 1);
}

TEST_CASE("a target that is named no more may leave a cursor behind, but no events") {
  TemporaryDirectory directory;
  const auto open = [&](const std::string& name, const std::shared_ptr<Sink>& sink) {
    return std::make_unique<Spool>(directory.path(), std::vector<SpoolTarget>{{name, sink}},
                                   quick());
  };
  {
    const auto spool = open("old", broken_gate());
    write_each(*spool, "n", 3);
  }
  const auto target = open_gate();
  try {
    open("new", target);
    FAIL("events were given up in silence");
  } catch (const Error& error) {
    CHECK(error.kind() == Error::misconfigured);
    CHECK(std::string{error.what()}.find(directory.path("old.cursor")) != std::string::npos);
  }
  REQUIRE(open("old", open_gate())->close(timeout));
  const auto spool = open("new", target);
  CHECK(names_in(directory.path(), ".cursor") == std::vector<std::string>{"new.cursor"});
  write_each(*spool, "m", 3);
  REQUIRE(spool->close(timeout));
  const auto arrived = target->names();
  REQUIRE(arrived.size() >= 3);
  CHECK(std::vector(arrived.end() - 3, arrived.end()) == names_of("m", 3));
}

TEST_CASE("a target in a call that does not return is left to itself") {
  TemporaryDirectory directory;
  const auto target = std::make_shared<GateSink>();
  {
    Spool spool{directory.path(), {{"a", target}}, quick()};
    write_each(spool, "n", 1);
    target->wait_for_writes(1);
    CHECK_FALSE(spool.close(milliseconds{0}));
  }
  target->let_all();
}

TEST_CASE("the targets of a spool have names of their own") {
  TemporaryDirectory directory;
  const auto sink = open_gate();
  CHECK_THROWS_AS(Spool(directory.path(), {}), ConfigError);
  CHECK_THROWS_AS(Spool(directory.path(), {{"a", sink}, {"a", sink}}), ConfigError);
}

TEST_CASE("a target keeps its name when its user or password change, and only then") {
  const std::string name = spool_cursor("amqp://ann:one@host/shop?queue=a");
  CHECK(name.starts_with("amqp-"));
  CHECK(name.find("one") == std::string::npos);
  for (const char* same : {"amqp://ann:two@host/shop?queue=a", "amqp://bob@host/shop?queue=a",
                           "amqp://host/shop?queue=a&user=bob&password=two"}) {
    CAPTURE(std::string{same});
    CHECK(spool_cursor(same) == name);
  }
  for (const char* other : {"amqp://ann:one@host/shop?queue=b", "amqp://ann:one@other/shop?queue=a",
                            "amqp://ann:one@host/shops?queue=a", "amqp://ann:one@host/shop",
                            "amqps://ann:one@host/shop?queue=a"}) {
    CAPTURE(std::string{other});
    CHECK(spool_cursor(other) != name);
  }
}

TEST_CASE("a target that cannot take so much at once gets less") {
  struct Narrow final : Sink {
    void write(const Batch& batch, Rejections&) override {
      if (batch.size() > 3) throw Error{Error::unavailable, "too much"};
    }
  };
  TemporaryDirectory directory;
  Spool spool{directory.path(), {{"narrow", std::make_shared<Narrow>()}}, quick()};
  write(*spool.sink(), numbered_batch("n", 100));
  CHECK(spool.close(timeout));
  CHECK(state_of(spool, "narrow").events_forwarded == 100);
}

TEST_CASE("a target that rejects everything does not turn all events into dead letters") {
  struct Rejecting final : Sink {
    void write(const Batch& batch, Rejections& rejections) override {
      for (const Event& event : batch) rejections.add(event, "no");
    }
  };
  TemporaryDirectory directory;
  Spool spool{directory.path(), {{"rejecting", std::make_shared<Rejecting>()}}, quick()};
  write(*spool.sink(), numbered_batch("first", 80));
  wait_until([&] { return state_of(spool, "rejecting").events_rejected == 80; });
  write(*spool.sink(), numbered_batch("second", 80));
  wait_until([&] { return state_of(spool, "rejecting").failures > 20; });
  CHECK(state_of(spool, "rejecting").events_rejected < 100);  // smaller batches come nearer to it
  CHECK(state_of(spool, "rejecting").backlog_bytes > 0);
}

TEST_CASE("lines that the disk has damaged are kept as dead letters and hold up nothing") {
  TemporaryDirectory directory;
  SpoolOptions options = quick();
  options.files.rotate_bytes = 1 << 20;
  options.max_batch_events = 30;
  {
    Spool spool{directory.path(), {{"a", broken_gate()}}, options};
    write(*spool.sink(), numbered_batch("e", 300));
    CHECK_FALSE(spool.close(milliseconds{0}));
  }
  // The next start seals the file, and would cut it at its first damaged line. So it comes after.
  Spool{directory.path(), {{"a", broken_gate()}}, options}.close(milliseconds{0});
  const auto sealed = names_in(directory.path(), "Z.ndjson");
  REQUIRE(sealed.size() == 1);
  std::string lines = read_file(directory.path(sealed[0]));
  for (std::size_t at = 0; (at = lines.find("\"event_id\"", at)) != std::string::npos;) {
    lines[at] = '?';
  }
  write_file(directory.path(sealed[0]), lines);

  const auto target = open_gate();
  Spool spool{directory.path(), {{"a", target}}, options};
  write(*spool.sink(), numbered_batch("f", 5));
  REQUIRE(spool.close(timeout));
  CHECK(state_of(spool, "a").events_rejected == 300);
  CHECK(state_of(spool, "a").events_forwarded == 5);
}

TEST_CASE("dead letters have a bound, and beyond it the forwarder waits and loses nothing") {
  TemporaryDirectory directory;
  SpoolOptions options = quick();
  options.files.max_total_bytes = 20'000;
  const auto target = picky_sink();
  Spool spool{directory.path(), {{"picky", target}}, options};
  std::size_t written = 0;
  const auto bytes_rejected = [&] {
    std::size_t bytes = 0;
    for (const std::string& name : names_in(directory.path("rejected-picky"), ".ndjson")) {
      bytes += read_file(directory.path("rejected-picky/" + name)).size();
    }
    return bytes;
  };
  // Good ones in between, so that it is the events' fault.
  wait_until([&] {
    try {
      write(*spool.sink(), batch_of({event_named("bad"), event_named("good")}));
      ++written;
      return false;
    } catch (const Error&) {
      return true;  // full, since the forwarder waits
    }
  });
  CHECK(bytes_rejected() > 10'000);
  CHECK(bytes_rejected() <= 20'000);
  const SpoolStatistics state = state_of(spool, "picky");
  CHECK(state.backlog_bytes > 0);
  CHECK(state.events_rejected < written);
}

TEST_CASE("a directory with files that no spool wrote is not made one") {
  TemporaryDirectory directory;
  {
    FileSink sink{directory.path()};
    write(sink, numbered_batch("kept", 1));
  }
  REQUIRE(sealed_in(directory.path()) == 1);
  CHECK_THROWS_AS((Spool{directory.path(), {{"a", open_gate()}}, quick()}), Error);
  CHECK(sealed_in(directory.path()) == 1);
}

}  // namespace eventcollect::test
