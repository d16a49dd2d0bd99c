// Events that a table does not take: they are rejected, and the good ones beside them are stored.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "drivers/postgres/database.hpp"
#include "support/events.hpp"
#include "support/parsing.hpp"
#include "support/writing.hpp"

namespace eventcollect::test {
namespace {

constexpr std::string_view bad_name = "bad";
constexpr const char* no_bad_names = "ADD CONSTRAINT no_bad_names CHECK (event <> 'bad')";

// Of `count` events those that `is_bad` says have a name that no_bad_names does not take.
template <typename IsBad>
Batch batch_with(std::size_t count, const IsBad& is_bad) {
  std::vector<std::string> texts;
  texts.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    texts.push_back(event_named(is_bad(i) ? bad_name : "good" + std::to_string(i)));
  }
  return batch_of(texts);
}

std::set<std::size_t> indexes_of(const Rejections& rejections) {
  std::set<std::size_t> indexes;
  for (const auto& rejection : rejections) indexes.insert(rejection.index);
  return indexes;
}

// Writes and checks that all good events are stored and all bad ones rejected.
template <typename IsBad>
void check_bad_ones_rejected(Corner& corner, const Batch& batch, const IsBad& is_bad) {
  std::set<std::size_t> bad;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    if (is_bad(i)) bad.insert(i);
  }
  const auto sink = corner.open("&timeout=60s");
  const Rejections rejections = write(*sink, batch);
  CHECK(indexes_of(rejections) == bad);
  for (const auto& rejection : rejections) {
    REQUIRE(rejection.message ==
            "new row for relation \"events\" violates check constraint \"no_bad_names\" "
            "(SQLSTATE 23514)");
  }
  CHECK(corner.count() == batch.size() - bad.size());
  CHECK(corner.count("event = 'bad'") == 0);
}

// Writes one event and says why it was rejected, or "stored".
std::string fate_of(Corner& corner, const std::string& text) {
  const Batch batch = batch_of({text});
  const Rejections rejections = write(*corner.open(), batch);
  return rejections.empty() ? "stored" : rejections[0].message;
}

std::string properties_of(Corner& corner, const std::string& name) {
  return corner.sql.value("SELECT properties::text FROM " + corner.table + " WHERE event = '" +
                          name + "'");
}

}  // namespace

TEST_CASE("of 10,000 events the bad ones are rejected and the good ones stored") {
  const auto server = service_url("POSTGRES");
  if (!server) return;
  const auto check = [&](auto is_bad) {
    Corner corner{*server};
    corner.create(no_bad_names);
    check_bad_ones_rejected(corner, batch_with(10'000, is_bad), is_bad);
  };
  SUBCASE("one") {
    check([](std::size_t i) { return i == 7'123; });
  }
  SUBCASE("the first, one in the middle and the last") {
    check([](std::size_t i) { return i == 0 || i == 5'000 || i == 9'999; });
  }
  SUBCASE("every third") {
    check([](std::size_t i) { return i % 3 == 0; });
  }
  SUBCASE("all") {
    check([](std::size_t) { return true; });
  }
}

TEST_CASE("bad events are rejected among some that are there already") {
  const auto server = service_url("POSTGRES");
  if (!server) return;
  Corner corner{*server};
  corner.create(no_bad_names);
  const auto is_bad = [](std::size_t i) { return i % 100 == 50; };
  const Batch batch = batch_with(1'000, is_bad);
  Batch part;
  for (std::size_t i = 0; i < batch.size(); i += 7) {
    if (!is_bad(i)) part.append(batch, i, 1);
  }
  write(*corner.open(), part);
  check_bad_ones_rejected(corner, batch, is_bad);
}

TEST_CASE("an event that is twice in a batch is stored once") {
  const auto server = service_url("POSTGRES");
  if (!server) return;
  Corner corner{*server};
  const Batch once = numbered_batch("n", 200);
  Batch batch;
  for (const std::size_t first : {100U, 0U, 100U, 0U}) batch.append(once, first, 100);
  CHECK(write(*corner.open(), batch).empty());
  CHECK(corner.count() == 200);
}

TEST_CASE("where the first of two events with one id is rejected, the second is stored") {
  const auto server = service_url("POSTGRES");
  if (!server) return;
  Corner corner{*server};
  corner.create(no_bad_names);
  const std::string id = R"("event_id":"0193f2a4-7b3c-7d11-8a5e-0123456789ab")";
  for (const std::size_t others : {0U, 500U}) {
    corner.sql.run("TRUNCATE " + corner.table);
    Batch batch = batch_of({"{" + id + R"(,"event":"bad"})", "{" + id + R"(,"event":"good"})"});
    if (others > 0) batch.append(numbered_batch("other", others));
    CHECK(indexes_of(write(*corner.open(), batch)) == std::set<std::size_t>{0});
    CHECK(corner.count("event = 'good'") == 1);
    CHECK(corner.count() == others + 1);
  }
}

TEST_CASE("a unique index of the user's rejects the second event") {
  const auto server = service_url("POSTGRES");
  if (!server) return;
  for (const char* when : {"", " DEFERRABLE INITIALLY DEFERRED"}) {
    CAPTURE(when);
    Corner corner{*server};
    corner.create(std::string{"ADD CONSTRAINT one_of_a_name UNIQUE (event)"} + when);
    Batch batch = numbered_batch("n", 300);
    batch.append(batch_of({event_named("n17"), event_named("n290")}));
    const Rejections rejections = write(*corner.open(), batch);
    REQUIRE(indexes_of(rejections) == std::set<std::size_t>{300, 301});
    CHECK(has(rejections[0].message, "\"one_of_a_name\" (SQLSTATE 23505)"));
    CHECK(corner.count() == 300);
  }
}

TEST_CASE("a trigger rejects an event only if it says that it is the event") {
  const auto server = service_url("POSTGRES");
  if (!server) return;
  const auto with_trigger = [&](Corner& corner, const std::string& raise) {
    corner.create();
    corner.sql.run("CREATE FUNCTION " + corner.schema + ".judge() RETURNS trigger AS $$ BEGIN " +
                   "IF NEW.event = 'bad' THEN " + raise + "; END IF; RETURN NEW; END $$" +
                   " LANGUAGE plpgsql; CREATE TRIGGER judge BEFORE INSERT ON " + corner.table +
                   " FOR EACH ROW EXECUTE FUNCTION " + corner.schema + ".judge()");
  };
  const Batch batch = batch_with(100, [](std::size_t i) { return i == 5; });
  {
    Corner corner{*server};
    with_trigger(corner, "RAISE 'not this one' USING ERRCODE = 'check_violation'");
    const Rejections rejections = write(*corner.open(), batch);
    REQUIRE(rejections.size() == 1);
    CHECK(rejections[0].index == 5);
    CHECK(rejections[0].message == "not this one (SQLSTATE 23514)");
    CHECK(corner.count() == 99);
  }
  {
    Corner corner{*server};
    with_trigger(corner, "RAISE 'the quota is used up'");
    const auto sink = corner.open();
    CHECK(
        has(failure_of([&] { write(*sink, batch); }), "misconfigured: postgres: cannot write to "));
    CHECK(corner.count() == 0);
  }
  {
    Corner corner{*server};
    with_trigger(corner, "RAISE NOTICE 'a word in between'");
    write(*corner.open(), batch);
    CHECK(corner.count() == 100);
  }
}

TEST_CASE("an event that is too large for an index is rejected") {
  const auto server = service_url("POSTGRES");
  if (!server) return;
  Corner corner{*server};
  corner.create();
  corner.sql.run("CREATE INDEX ON " + corner.table + " (url)");
  std::string noise;  // what the index cannot compress
  for (std::uint32_t i = 1, state = 1; i < 6'000; ++i) {
    state = state * 1'664'525 + 1'013'904'223;
    noise.push_back(static_cast<char>('a' + (state >> 24) % 26));
  }
  CHECK(has(fate_of(corner, R"({"event":"e","url":")" + noise + "\"}"), "index row"));
  CHECK(fate_of(corner, R"({"event":"e","url":"https://example.com/"})") == "stored");
}

TEST_CASE("what our rules allow is stored, or rejected by itself") {
  const auto server = service_url("POSTGRES");
  if (!server) return;
  Corner corner{*server};
  const auto fate = [&](const std::string& name, const std::string& properties) {
    return fate_of(corner, R"({"event":")" + name + R"(","properties":)" + properties + "}");
  };
  CHECK(fate("large", R"({"n":1e308,"m":-1.7976931348623157e308})") == "stored");
  CHECK(properties_of(corner, "large").size() > 600);
  CHECK(fate("small", R"({"n":5e-324})") == "stored");
  CHECK(fate("long", R"({"n":123456789012345678901234567890})") == "stored");
  CHECK(properties_of(corner, "long") == R"({"n": 123456789012345678901234567890})");
  CHECK(fate("unicode", "{\"s\":\"\uFFFF\U0010FFFF\\uffff\\ud83d\\ude42\"}") == "stored");
  CHECK(properties_of(corner, "unicode") == "{\"s\": \"\uFFFF\U0010FFFF\uFFFF🙂\"}");
  CHECK(fate("deep", "{\"d\":" + repeat("[", 30) + repeat("]", 30) + "}") == "stored");
  CHECK(fate("key", "{\"" + std::string(60'000, 'k') + "\":1}") == "stored");
  CHECK(fate("zero", R"({"n":0e99999})") == "stored");
  CHECK(properties_of(corner, "zero") == R"({"n": 0})");
  CHECK(fate_of(corner, R"({"event":"late","client_time":253402300799999})") == "stored");
  CHECK(corner.count("client_time = '9999-12-31 23:59:59.999Z'") == 1);
  CHECK(fate_of(corner, R"({"event":"early","client_time":0,"sent_time":0,"url":""})") == "stored");
  CHECK(corner.count("client_time = '1970-01-01Z' AND sent_time = client_time AND url = ''") == 1);
}

TEST_CASE("what the server says of an event is cut off") {
  const auto server = service_url("POSTGRES");
  if (!server) return;
  Corner corner{*server};
  corner.create();
  corner.sql.run("CREATE FUNCTION " + corner.schema +
                 ".complain() RETURNS trigger LANGUAGE plpgsql SET log_min_messages = panic AS $$ "
                 "BEGIN RAISE EXCEPTION USING ERRCODE = 'check_violation', "
                 "MESSAGE = repeat('x', 100000); END $$");
  corner.sql.run("CREATE TRIGGER complain BEFORE INSERT ON " + corner.table +
                 " FOR EACH ROW EXECUTE FUNCTION " + corner.schema + ".complain()");
  const std::string fate = fate_of(corner, R"({"event":"e"})");
  CHECK(fate.starts_with(std::string(250, 'x')));
  CHECK(fate.size() <= 256);
}

}  // namespace eventcollect::test
