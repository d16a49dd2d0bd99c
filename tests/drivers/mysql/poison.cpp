// Events that a table does not take: they are rejected, and the good ones beside them are stored.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "drivers/mysql/database.hpp"
#include "support/events.hpp"
#include "support/parsing.hpp"
#include "support/writing.hpp"

namespace eventcollect::test {
namespace {

constexpr const char* no_bad_names = "ADD CONSTRAINT no_bad_names CHECK (event <> 'bad')";

std::set<std::size_t> indexes_of(const Rejections& rejections) {
  std::set<std::size_t> indexes;
  for (const auto& rejection : rejections) indexes.insert(rejection.index);
  return indexes;
}

// Writes one event and says why it was rejected, or "stored".
std::string fate_of(MysqlCorner& corner, const std::string& text) {
  const Rejections rejections = write(*corner.open(), batch_of({text}));
  return rejections.empty() ? "stored" : rejections[0].message;
}

}  // namespace

TEST_CASE("of 5,000 events the bad ones are rejected and the good ones stored") {
  const auto server = service_url("MYSQL");
  if (!server) return;
  const auto check = [&](auto is_bad) {
    MysqlCorner corner{*server};
    corner.create(no_bad_names);
    std::vector<std::string> texts;
    std::set<std::size_t> bad;
    for (std::size_t i = 0; i < 5'000; ++i) {
      if (is_bad(i)) bad.insert(i);
      texts.push_back(event_named(is_bad(i) ? "bad" : "good" + std::to_string(i)));
    }
    const Rejections rejections = write(*corner.open("&timeout=60s"), batch_of(texts));
    CHECK(indexes_of(rejections) == bad);
    for (const auto& rejection : rejections) {
      REQUIRE(has(std::string{rejection.message}, "no_bad_names"));
    }
    CHECK(corner.count() == texts.size() - bad.size());
    CHECK(corner.count("event = 'bad'") == 0);
  };
  SUBCASE("one") {
    check([](std::size_t i) { return i == 3'123; });
  }
  SUBCASE("the first, one in the middle and the last") {
    check([](std::size_t i) { return i == 0 || i == 2'500 || i == 4'999; });
  }
  SUBCASE("every third") {
    check([](std::size_t i) { return i % 3 == 0; });
  }
}

TEST_CASE("events that are all rejected take little more than a statement each") {
  const auto server = service_url("MYSQL");
  if (!server) return;
  MysqlCorner corner{*server};
  corner.create(no_bad_names);
  const auto sink = corner.open();
  const Batch batch = batch_of(std::vector<std::string>(256, event_named("bad")));
  const auto statements = [&] {
    return std::stoul(
        corner.sql.value("SELECT variable_value FROM information_schema.global_status WHERE "
                         "variable_name = 'Com_stmt_execute'"));
  };
  const std::size_t before = statements();
  CHECK(write(*sink, batch).size() == 256);
  CHECK(statements() - before <= 256 + 31);
}

TEST_CASE("an event that is twice in a batch, or there already, is stored once") {
  const auto server = service_url("MYSQL");
  if (!server) return;
  MysqlCorner corner{*server};
  const Batch once = numbered_batch("n", 200);
  Batch batch;
  for (const std::size_t first : {100U, 0U, 100U, 0U}) batch.append(once, first, 100);
  CHECK(write(*corner.open(), batch).empty());
  CHECK(write(*corner.open(), batch).empty());
  CHECK(corner.count() == 200);
}

TEST_CASE("where the first of two events with one id is rejected, the second is stored") {
  const auto server = service_url("MYSQL");
  if (!server) return;
  MysqlCorner corner{*server};
  corner.create(no_bad_names);
  const std::string id = R"("event_id":"0193f2a4-7b3c-7d11-8a5e-0123456789ab")";
  Batch batch = batch_of({"{" + id + R"(,"event":"bad"})", "{" + id + R"(,"event":"good"})"});
  batch.append(numbered_batch("other", 100));
  CHECK(indexes_of(write(*corner.open(), batch)) == std::set<std::size_t>{0});
  CHECK(corner.count("event = 'good'") == 1);
  CHECK(corner.count() == 101);
}

TEST_CASE("a unique index of the user's rejects the second event, and keeps the first as it was") {
  const auto server = service_url("MYSQL");
  if (!server) return;
  MysqlCorner corner{*server};
  corner.create("ADD UNIQUE KEY one_of_a_name (event)");
  Batch batch = numbered_batch("n", 300);
  batch.append(batch_of({event_named("n17"), event_named("n290")}));
  const auto ids = [&] {
    return corner.sql.value("SELECT hex(event_id) FROM " + corner.table + " WHERE event = 'n17'");
  };
  write(*corner.open(), numbered_batch("m", 1));
  const Rejections rejections = write(*corner.open(), batch);
  REQUIRE(indexes_of(rejections) == std::set<std::size_t>{300, 301});
  CHECK(rejections[0].message == "another event has the same key in a unique index of the table");
  CHECK(corner.count() == 301);
  const std::string before = ids();
  // The same again: those that are there are passed over, the others are rejected again.
  CHECK(indexes_of(write(*corner.open(), batch)) == std::set<std::size_t>{300, 301});
  CHECK(ids() == before);
}

TEST_CASE("a value that does not fit is rejected, not cut or changed") {
  const auto server = service_url("MYSQL");
  if (!server) return;
  const GlobalSetting loose{*server, "sql_mode", "''"};  // as an old server has it
  MysqlCorner corner{*server};
  corner.create("MODIFY event varchar(5) CHARACTER SET utf8mb4 NOT NULL, MODIFY url tinytext");
  CHECK(has(fate_of(corner, event_named("longer")), "Data too long for column 'event'"));
  CHECK(
      has(fate_of(corner, R"({"event":"e","url":"https://e.com/)" + std::string(300, 'x') + "\"}"),
          "Data too long for column 'url'"));
  CHECK(fate_of(corner, event_named("short")) == "stored");
  CHECK(corner.count() == 1);
}

TEST_CASE("names are told apart by their bytes") {
  const auto server = service_url("MYSQL");
  if (!server) return;
  MysqlCorner corner{*server};
  corner.create("ADD UNIQUE KEY one_of_a_name (event)");
  const Batch batch = batch_of({event_named("Click"), event_named("click"), event_named("click "),
                                event_named("clíck"), event_named("cli'ck"), event_named("🙂")});
  CHECK(write(*corner.open(), batch).empty());
  for (const char* name : {"Click", "click", "click ", "clíck", "cli''ck", "🙂"}) {
    CAPTURE(std::string{name});
    CHECK(corner.count("event = '" + std::string{name} + "'") == 1);
  }
}

TEST_CASE("a trigger rejects an event only if it says that it is the event") {
  const auto server = service_url("MYSQL");
  if (!server) return;
  const auto with_trigger = [&](MysqlCorner& corner, const std::string& state) {
    corner.create();
    corner.sql.run("CREATE TRIGGER " + corner.database + ".judge BEFORE INSERT ON " + corner.table +
                   " FOR EACH ROW BEGIN IF NEW.event = 'bad' THEN SIGNAL SQLSTATE '" + state +
                   "' SET MESSAGE_TEXT = 'not this one'; END IF; END");
  };
  Batch batch = numbered_batch("n", 50);
  batch.append(batch_of({event_named("bad")}));
  batch.append(numbered_batch("m", 49));
  {
    MysqlCorner corner{*server};
    with_trigger(corner, "23000");
    const Rejections rejections = write(*corner.open(), batch);
    REQUIRE(indexes_of(rejections) == std::set<std::size_t>{50});
    CHECK(rejections[0].message == "not this one (error 1644, SQLSTATE 23000)");
    CHECK(corner.count() == 99);
  }
  {
    MysqlCorner corner{*server};
    with_trigger(corner, "45000");
    CHECK(has(failure_of([&] { write(*corner.open(), batch); }),
              "misconfigured: mysql: cannot write to "));
    CHECK(corner.count() == 0);
  }
}

TEST_CASE("what our rules allow is stored, or rejected by itself") {
  const auto server = service_url("MYSQL");
  if (!server) return;
  MysqlCorner corner{*server};
  const auto fate = [&](const std::string& name, const std::string& properties) {
    return fate_of(corner, R"({"event":")" + name + R"(","properties":)" + properties + "}");
  };
  const auto properties_of = [&](const std::string& name) {
    return corner.sql.value("SELECT properties FROM " + corner.table + " WHERE event = '" + name +
                            "'");
  };
  const std::string numbers = R"({"n":1e308,"m":123456789012345678901234567890,"z":0e99999})";
  CHECK(fate("numbers", numbers) == "stored");
  CHECK(properties_of("numbers") == numbers);
  const std::string odd = "{\"s\":\"\uFFFF\U0010FFFF\\uffff\\ud83d\\ude42 ' \\\" \\\\ %\"}";
  CHECK(fate("odd", odd) == "stored");
  CHECK(properties_of("odd") == odd);
  CHECK(fate("key", "{\"" + std::string(60'000, 'k') + "\":1}") == "stored");
  CHECK(fate_of(corner, R"({"event":"late","client_time":253402300799999})") == "stored");
  CHECK(corner.count("client_time = '9999-12-31 23:59:59.999'") == 1);
  CHECK(fate_of(corner, R"({"event":"early","client_time":0,"sent_time":0,"url":""})") == "stored");
  CHECK(corner.count("client_time = '1970-01-01' AND sent_time = client_time AND url = ''") == 1);
}

TEST_CASE("properties as deep as they may be are stored, and deeper ones rejected by themselves") {
  const auto server = service_url("MYSQL");
  if (!server) return;
  MysqlCorner corner{*server};
  const std::string deepest = "{\"d\":" + repeat("[", 30) + repeat("]", 30) + "}";
  CHECK(fate_of(corner, R"({"event":"deep","properties":)" + deepest + "}") == "stored");
  // One level more than MariaDB takes, from a program of the user's own.
  const std::string deeper = "{\"d\":[" + deepest + "]}";
  const Batch good = numbered_batch("n", 10);
  Batch batch = good;
  Event event = good.front();
  event.id = mint_uuid(some_time);
  event.properties = deeper;
  batch.append(event);
  const Rejections rejections = write(*corner.open(), batch);
  REQUIRE(indexes_of(rejections) == std::set<std::size_t>{10});
  CHECK(has(std::string{rejections[0].message}, "properties"));
  CHECK(corner.count() == 11);
}

TEST_CASE("a batch that is larger than a packet may be is split") {
  const auto server = service_url("MYSQL");
  if (!server) return;
  MysqlCorner corner{*server};
  corner.create();
  const GlobalSetting small{*server, "max_allowed_packet", "65536"};
  const auto large = [](std::size_t bytes) {
    return R"({"event":"large","properties":{"s":")" + std::string(bytes, 'x') + "\"}}";
  };
  std::vector<std::string> texts(40, large(20'000));
  texts[7] = large(65'400);  // an event of ours, but no packet
  const Rejections rejections = write(*corner.open(), batch_of(texts));
  REQUIRE(indexes_of(rejections) == std::set<std::size_t>{7});
  CHECK(has(std::string{rejections[0].message}, "max_allowed_packet of 65536"));
  CHECK(corner.count("length(properties) = 20008") == 39);
}

}  // namespace eventcollect::test
