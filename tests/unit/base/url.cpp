#include "eventcollect/url.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <limits>

using namespace eventcollect;

namespace {

using Options = std::vector<std::pair<std::string, std::string>>;

// What the ConfigError of `call` says, or nothing if there is none.
std::string message_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const ConfigError& error) {
    return error.what();
  }
  return {};
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

}  // namespace

TEST_CASE("a URL is split into scheme, authority, path and options") {
  struct Case {
    std::string_view text, scheme, authority, path;
    Options options;
  };
  const Case cases[] = {
      {"file:events", "file", "", "events", {}},
      {"file:/var/lib/events", "file", "", "/var/lib/events", {}},
      {"FILE:Events", "file", "", "Events", {}},
      {"file:///var/lib", "file", "", "/var/lib", {}},
      {"null:", "null", "", "", {}},
      {"s3://bucket/a/b?endpoint=http://host:9000&region=eu",
       "s3",
       "bucket",
       "/a/b",
       {{"endpoint", "http://host:9000"}, {"region", "eu"}}},
      {"amqp://user:pass@host:5672/?queue=events",
       "amqp",
       "user:pass@host:5672",
       "/",
       {{"queue", "events"}}},
      {"postgres://host?a=1", "postgres", "host", "", {{"a", "1"}}},
      {"file:a%20b%2Fc%23d%3Fe?x%3D=%26&y=a=b&z=&w",
       "file",
       "",
       "a b/c#d?e",
       {{"x=", "&"}, {"y", "a=b"}, {"z", ""}, {"w", ""}}},
      {"file:a?", "file", "", "a", {}},
      {"file:a?b=c&", "file", "", "a", {{"b", "c"}}},
      {"file:a+b?c=d+e", "file", "", "a+b", {{"c", "d+e"}}},
      {"file:C:\\x", "file", "", "C:\\x", {}},
      {"x-1.2+y:z", "x-1.2+y", "", "z", {}},
      {"amqp://u%40:p%2f@host/", "amqp", "u%40:p%2f@host", "/", {}},
      {"file:ä", "file", "", "ä", {}},
  };
  for (const Case& each : cases) {
    CAPTURE(each.text);
    const Url url = Url::parse(each.text);
    CHECK(url.scheme == each.scheme);
    CHECK(url.authority == each.authority);
    CHECK(url.path == each.path);
    CHECK(url.options == each.options);
  }
}

TEST_CASE("what is no URL is rejected") {
  using namespace std::string_view_literals;
  for (const std::string_view text : {""sv,
                                      "events"sv,
                                      "/var/lib/events"sv,
                                      ":events"sv,
                                      "1file:x"sv,
                                      "fi le:x"sv,
                                      "-f:x"sv,
                                      "file:%"sv,
                                      "file:%4"sv,
                                      "file:%4g"sv,
                                      "file:%g4"sv,
                                      "file:a%-1"sv,
                                      "file:%+1"sv,
                                      "file:%00"sv,
                                      "file:a\0b"sv,
                                      "file:x?a=%00"sv,
                                      "file:x?a=%"sv,
                                      "file:x?%00=1"sv,
                                      "file:x#y"sv,
                                      "file:x?y#z"sv,
                                      "file:x?=1"sv,
                                      "file:x?a=1&&b=2"sv,
                                      "file:x?&"sv,
                                      "file:x?a=1&a=2"sv,
                                      "file:x?a=1&%61=1"sv,
                                      "amqp://ho\0st/"sv,
                                      "amqp://ho%00st/"sv,
                                      "amqp://u:p%w@host/"sv}) {
    CAPTURE(text);
    CHECK_THROWS_AS(static_cast<void>(Url::parse(text)), ConfigError);
  }
}

TEST_CASE("a URL without a scheme is not repeated, since a password may be in it") {
  const std::string message = message_of([] { Url::parse("//user:hunter2@host"); });
  CHECK(contains(message, "scheme"));
  CHECK_FALSE(contains(message, "hunter2"));
  CHECK_FALSE(contains(message_of([] { Url::parse("amqp://u:hunter2%@host"); }), "hunter2"));
  CHECK_FALSE(contains(message_of([] { Url::parse("a:b?key=hunter2&key=hunter2"); }), "hunter2"));
}

TEST_CASE("what is left of a password that was not escaped is not shown") {
  for (const std::string_view text :
       {"host=db user=u password=hunter2", "password=hunter2", "amqp://u:hunter2/x@host/v",
        "amqp://u:1/hunter2@host/v", "mydb://u:1/hunter2@host", "amqp://u:x/hunter2@host/v",
        "amqp://u:x?hunter2@host/v", "amqp://u:x?hunter2=1@host/v", "amqp://u:1?hunter2@host/v",
        "amqp://h/v?password=a&hunter2", "amqp://h/?a@hunter2=1",
        "amqp://h/?password=a@hunter2=1&password=a@hunter2=1"}) {
    CAPTURE(text);
    const std::string message = message_of([&] { UrlOptions{Url::parse(text)}.finish(); });
    CHECK_FALSE(message.empty());
    CHECK_FALSE(contains(message, "hunter2"));
  }
  const Url url = Url::parse("amqp://u@h/v?password=a&hunter2");
  UrlOptions options{url};
  options.text("password");
  const std::string message = message_of([&] { options.finish(); });
  CHECK(contains(message, "has no option without a value"));
  CHECK_FALSE(contains(message, "hunter2"));
  for (const std::string_view text :
       {"amqp://h/a@b", "amqp://h:5672/a%40b", "amqp://h:5672/?a=b@c", "amqp://[::1]/a@b",
        "amqp://u:p@h,h2:1/a@b", "s3://bucket/a@b"}) {
    CAPTURE(text);
    CHECK_NOTHROW(Url::parse(text));
  }
  CHECK(contains(message_of([] { Url::parse("amqp://h:5672/a@b"); }), "in a path, write @ as %40"));
}

TEST_CASE("a redacted URL shows neither user nor password nor the values of options") {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"file:events", "file:events"},
      {"amqp://user:pass@host:5672/vhost?queue=q&key=k", "amqp://host:5672/vhost?queue=…&key=…"},
      {"amqp://us@er:pa@ss@host/", "amqp://host/"},
      {"s3://bucket/prefix", "s3://bucket/prefix"},
      {"postgres://user@", "postgres:"},
      {"file:////srv/events", "file:////srv/events"},
      {"m://user:pass@//path", "m:////path"},
  };
  for (const auto& [text, redacted] : cases) {
    CHECK(Url::parse(text).redacted() == redacted);
  }
}

TEST_CASE("a size is digits and a binary unit, or none") {
  const std::pair<std::string_view, std::uint64_t> cases[] = {
      {"0", 0},
      {"65536", 65'536},
      {"64KiB", 65'536},
      {"1MiB", 1 << 20},
      {"2GiB", std::uint64_t{2} << 30},
      {"007", 7},
      {"9223372036854775807", std::numeric_limits<std::int64_t>::max()},
      {"8589934591GiB", (std::uint64_t{1} << 63) - (std::uint64_t{1} << 30)},
  };
  for (const auto& [text, bytes] : cases) CHECK(parse_bytes(text) == bytes);
  for (const std::string_view text :
       {"", "KiB", "-1", "+1", " 1", "1 ", "1 KiB", "1KB", "1kib", "1K", "1.5MiB", "0x10", "1e3",
        "9223372036854775808", "18446744073709551616", "8589934592GiB",
        "99999999999999999999999"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(static_cast<void>(parse_bytes(text)), ConfigError);
  }
}

TEST_CASE("a time span is digits and a unit; only 0 needs none") {
  using namespace std::chrono_literals;
  const std::pair<std::string_view, std::chrono::milliseconds> cases[] = {
      {"0", 0ms},   {"0s", 0ms}, {"500ms", 500ms}, {"10s", 10s},
      {"5m", 5min}, {"1h", 1h},  {"7d", 168h},     {"36500d", 876000h},
  };
  for (const auto& [text, span] : cases) CHECK(parse_duration(text) == span);
  for (const std::string_view text : {"", "10", "00", "s", "-1s", "+1s", "1 s", "1.5s", "1min",
                                      "1S", "1us", "1w", "36501d", "9223372036854775808ms"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(static_cast<void>(parse_duration(text)), ConfigError);
  }
}

TEST_CASE("options are read by name and type, or have their fallback") {
  using namespace std::chrono_literals;
  const Url url = Url::parse("file:x?name=a&size=2KiB&wait=3s&empty=");
  UrlOptions options{url};
  CHECK(options.text("name") == "a");
  CHECK(options.text("empty", "z").empty());
  CHECK(options.text("other", "z") == "z");
  CHECK(options.text("another").empty());
  CHECK(options.bytes("size", 1) == 2048);
  CHECK(options.bytes("more", 1) == 1);
  CHECK(options.duration("wait", 1s) == 3s);
  CHECK(options.duration("longer", 1s) == 1s);
  CHECK_NOTHROW(options.finish());
}

TEST_CASE("an option that nobody asked for is rejected, and the known ones are listed") {
  const Url url = Url::parse("file:x?rotate_bytes=1&rotate_byte=hunter2");
  UrlOptions options{url};
  options.bytes("rotate_bytes", 1);
  options.text("consume");
  const std::string message = message_of([&] { options.finish(); });
  for (const auto* part : {"file", "'rotate_byte'", "rotate_bytes, consume"}) {
    CHECK(contains(message, part));
  }
  CHECK_FALSE(contains(message, "hunter2"));
  const std::string none = message_of([&] { UrlOptions{url}.finish(); });
  CHECK(contains(none, "none"));
}

TEST_CASE("an option with a wrong value is rejected by its name") {
  const Url url = Url::parse("file:x?size=big&wait=10");
  UrlOptions options{url};
  const std::string size = message_of([&] { options.bytes("size", 1); });
  CHECK((contains(size, "file") && contains(size, "'size'") && contains(size, "'big'")));
  const std::string wait =
      message_of([&] { options.duration("wait", std::chrono::milliseconds{1}); });
  CHECK((contains(wait, "'wait'") && contains(wait, "10s")));
}
