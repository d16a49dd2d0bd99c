#include "server/options.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <stdlib.h>

#include <array>
#include <cstdio>
#include <fstream>

#include "eventcollect/url.hpp"
#include "programs/log.hpp"
#include "programs/settings.hpp"
#include "support/directory.hpp"

namespace eventcollect {

using namespace programs;

namespace {

using namespace std::chrono_literals;

using Strings = std::vector<std::string>;

// A variable of the environment for as long as a test lasts.
class Variable {
 public:
  Variable(std::string name, const std::string& value) : name_{std::move(name)} {
    setenv(name_.c_str(), value.c_str(), 1);
  }
  ~Variable() { unsetenv(name_.c_str()); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  std::string name_;
};

std::optional<server::Options> read(Strings arguments) {
  arguments.insert(arguments.begin(), "eventcollect-server");
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  return server::read_options(static_cast<int>(arguments.size()), argv.data());
}

// A config file with this text.
class Config {
 public:
  explicit Config(std::string_view text) : path_{directory_.path("server.conf")} {
    std::ofstream{path_} << text;
  }
  const std::string& path() const { return path_; }

 private:
  test::TemporaryDirectory directory_;
  std::string path_;
};

// What the ConfigError says, or nothing if there was none.
std::string error_of(const Strings& arguments) {
  try {
    read(arguments);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return {};
}

void check_named(const std::string& error, const Strings& parts) {
  CAPTURE(error);
  for (const std::string& part : parts) {
    CAPTURE(part);
    CHECK(error.find(part) != std::string::npos);
  }
}

TEST_CASE("without options the server keeps events and dead letters in files") {
  const auto options = read({});
  REQUIRE(options);
  CHECK(options->listen.text() == "127.0.0.1:8080");
  CHECK_FALSE(options->admin);
  CHECK_FALSE(options->live);
  CHECK(options->live_token.empty());
  CHECK(options->to == Strings{"file:events"});
  CHECK(options->dead_letter == "file:rejected?max_total_bytes=64MiB&remove_oldest=1");
  CHECK(options->page.empty());
  CHECK(options->endpoint.path == "/events");
  CHECK(options->endpoint.allowed_origins.empty());
  CHECK(options->endpoint.trusted_proxies.empty());
  CHECK(options->endpoint.max_body_bytes == 1 << 20);
  CHECK_FALSE(options->endpoint.context.ip);
  CHECK_FALSE(options->endpoint.context.user_agent);
  CHECK_FALSE(options->endpoint.context.referrer);
  CHECK_FALSE(options->collector.rules.strip_query);
  CHECK_FALSE(options->collector.rules.strip_fragment);
  CHECK(options->collector.rules.max_events == 1000);
  CHECK(options->collector.acknowledge == Acknowledge::durable);
  CHECK(options->collector.acknowledge_timeout == 10s);
  CHECK(options->drain_delay == 5s);
  CHECK(options->drain_timeout == 10s);
  CHECK(options->threads > 0);
  CHECK(options->http.max_head_bytes == 32 << 10);
  CHECK(options->http.idle_timeout == 75s);
}

TEST_CASE("a default of the library is written as it would be given") {
  for (const std::uint64_t bytes :
       {0u, 1u, 1023u, 1024u, 1536u, 65536u, 1u << 20, 1u << 30, 3u << 30}) {
    CAPTURE(bytes);
    CHECK(parse_bytes(bytes_text(bytes)) == bytes);
  }
  CHECK(bytes_text(64 << 20) == "64MiB");
  for (const auto duration : {0ms, 1ms, 999ms, 1000ms, 1500ms, 90'000ms}) {
    CHECK(parse_duration(duration_text(duration)) == duration);
  }
  CHECK(duration_text(10s) == "10s");
}

TEST_CASE("each option is read, in both forms") {
  for (const bool joined : {false, true}) {
    Strings arguments;
    for (const auto& [name, value] : std::vector<std::pair<std::string, std::string>>{
             {"--listen", "[::1]:0"},
             {"--admin", "127.0.0.1:9"},
             {"--to", "file:a"},
             {"--to", "null:"},
             {"--dead-letter", "null:"},
             {"--path", "/e"},
             {"--page", "page.html"},
             {"--allow-origin", "https://a.test"},
             {"--allow-origin", "https://b.test"},
             {"--trusted-proxy", "10.0.0.0/8"},
             {"--client-ip-header", "X-Real-IP"},
             {"--threads", "3"},
             {"--max-head-bytes", "8KiB"},
             {"--idle-timeout", "10m"},
             {"--context", "ip,user_agent"},
             {"--context", "referrer"},
             {"--url-strip", "query,fragment"},
             {"--max-body-bytes", "64KiB"},
             {"--max-batch-events", "7"},
             {"--ack", "accepted"},
             {"--ack-timeout", "250ms"},
             {"--drain-delay", "0"},
             {"--drain-timeout", "1m"},
         }) {
      if (joined) {
        arguments.push_back(name + "=" + value);
      } else {
        arguments.push_back(name);
        arguments.push_back(value);
      }
    }
    const auto options = read(arguments);
    REQUIRE(options);
    CHECK(options->listen.text() == "[::1]:0");
    REQUIRE(options->admin);
    CHECK(options->admin->text() == "127.0.0.1:9");
    CHECK(options->to == Strings{"file:a", "null:"});
    CHECK(options->dead_letter == "null:");
    CHECK(options->endpoint.path == "/e");
    CHECK(options->page == "page.html");
    CHECK(options->endpoint.allowed_origins == Strings{"https://a.test", "https://b.test"});
    CHECK(options->endpoint.trusted_proxies == Strings{"10.0.0.0/8"});
    CHECK(options->endpoint.client_ip_header == "X-Real-IP");
    CHECK(options->http.client_ip_header == "X-Real-IP");
    CHECK(options->threads == 3);
    CHECK(options->http.max_head_bytes == 8 << 10);
    CHECK(options->http.idle_timeout == 10min);
    CHECK(options->endpoint.context.ip);
    CHECK(options->endpoint.context.user_agent);
    CHECK(options->endpoint.context.referrer);
    CHECK(options->collector.rules.strip_query);
    CHECK(options->collector.rules.strip_fragment);
    CHECK(options->endpoint.max_body_bytes == 64 << 10);
    CHECK(options->collector.rules.max_events == 7);
    CHECK(options->collector.acknowledge == Acknowledge::accepted);
    CHECK(options->collector.acknowledge_timeout == 250ms);
    CHECK(options->drain_delay == 0s);
    CHECK(options->drain_timeout == 1min);
  }
}

TEST_CASE("a flag goes before the environment, that before the file, that before the default") {
  struct Case {
    bool flag;
    bool environment;
    bool file;
    std::string_view path;
    Strings to;
  };
  const Case cases[] = {
      {false, false, false, "/events", {"file:events"}},
      {false, false, true, "/file", {"null:", "file:f"}},
      {false, true, false, "/variable", {"null:", "file:v"}},
      {false, true, true, "/variable", {"null:", "file:v"}},
      {true, false, false, "/flag", {"null:"}},
      {true, false, true, "/flag", {"null:"}},
      {true, true, false, "/flag", {"null:"}},
      {true, true, true, "/flag", {"null:"}},
  };
  const Config config{"path = /file\nto = [null:, file:f]\n"};
  for (const Case& c : cases) {
    CAPTURE(c.flag);
    CAPTURE(c.environment);
    CAPTURE(c.file);
    Strings arguments;
    std::optional<Variable> path;
    std::optional<Variable> to;
    if (c.flag) arguments = {"--path", "/flag", "--to", "null:"};
    if (c.environment) {
      path.emplace("EVENTCOLLECT_PATH", "/variable");
      to.emplace("EVENTCOLLECT_TO", "null: file:v");
    }
    if (c.file) {
      arguments.emplace_back("--config");
      arguments.push_back(config.path());
    }
    const auto options = read(arguments);
    REQUIRE(options);
    CHECK(options->endpoint.path == c.path);
    CHECK(options->to == c.to);
  }
}

TEST_CASE("the file may be named by the environment; the flag goes before that") {
  const Config one{"path = /one\n"};
  const Config two{"path = /two\n"};
  const Variable variable{"EVENTCOLLECT_CONFIG", one.path()};
  CHECK(read({})->endpoint.path == "/one");
  CHECK(read({"--config", two.path()})->endpoint.path == "/two");
}

TEST_CASE("a list in the environment is split on white space, and nothing else") {
  struct Case {
    std::string_view value;
    Strings origins;
  };
  const Case cases[] = {
      {"https://a.test", {"https://a.test"}},
      {"https://a.test https://b.test", {"https://a.test", "https://b.test"}},
      {" \thttps://a.test\n\r\n https://b.test ", {"https://a.test", "https://b.test"}},
      {" ", {}},
      {"", {}},
  };
  for (const Case& c : cases) {
    CAPTURE(c.value);
    const Variable variable{"EVENTCOLLECT_ALLOW_ORIGIN", std::string{c.value}};
    CHECK(read({})->endpoint.allowed_origins == c.origins);
  }
  {
    const Variable commas{"EVENTCOLLECT_ALLOW_ORIGIN", "https://a.test,https://b.test"};
    CHECK_THROWS_AS(read({}), ConfigError);
  }
  const Variable context{"EVENTCOLLECT_CONTEXT", "ip referrer"};
  const auto options = read({});
  CHECK(options->endpoint.context.ip);
  CHECK_FALSE(options->endpoint.context.user_agent);
  CHECK(options->endpoint.context.referrer);
}

TEST_CASE("a value with white space is one value where the option is no list") {
  const Variable variable{"EVENTCOLLECT_PAGE", "my page.html"};
  CHECK(read({})->page == "my page.html");
}

TEST_CASE("a config file is read as TOML and INI are") {
  const Config config{
      "# what we listen on\n"
      "listen = \"0.0.0.0:80\"\n"
      "; and more\n"
      "allow-origin = [\"https://a.test\", \"https://b.test\"]\n"
      "\n"
      "ack-timeout=3s\n"
      "dead-letter = \"file:rejected?max_total_bytes=1MiB\"\n"};
  const auto options = read({"--config", config.path()});
  REQUIRE(options);
  CHECK(options->listen.text() == "0.0.0.0:80");
  CHECK(options->endpoint.allowed_origins == Strings{"https://a.test", "https://b.test"});
  CHECK(options->collector.acknowledge_timeout == 3s);
  CHECK(options->dead_letter == "file:rejected?max_total_bytes=1MiB");
}

TEST_CASE("a byte order mark of a config file is skipped") {
  const Config config{"\xef\xbb\xbfpath = /file\n"};
  CHECK(read({"--config", config.path()})->endpoint.path == "/file");
}

TEST_CASE("what is wrong in a file is named with the file") {
  struct Case {
    std::string_view text;
    Strings named;
  };
  const Case cases[] = {
      {"listn = 127.0.0.1:80\n", {"'listn'", "listen"}},
      {"[server]\nlisten = 127.0.0.1:80\n", {"listen"}},
      {"config = other.conf\n", {"'config'"}},
      {"threads = many\n", {"threads", "'many'"}},
      {"path = /a\npath = /b\n", {"path"}},
      {"path = [/a, /b]\n", {"path", "one value"}},
  };
  for (const Case& c : cases) {
    CAPTURE(c.text);
    const Config config{c.text};
    check_named(error_of({"--config", config.path()}), c.named);
  }
  check_named(error_of({"--config", "/nowhere/at/all.conf"}),
              {"--config", "'/nowhere/at/all.conf'"});
}

TEST_CASE("a wrong option is named with its value and the way out") {
  struct Case {
    Strings arguments;
    Strings named;
  };
  const Case cases[] = {
      {{"--nonsense"}, {"--nonsense"}},
      {{"--listn", "127.0.0.1:80"}, {"--listn"}},
      {{"stray"}, {"a word that belongs to no option"}},
      {{"--path"}, {"--path"}},
      {{"--path", "/a", "--path", "/b"}, {"--path"}},
      {{"--listen", "8080"}, {"--listen", "'8080'", "HOST:PORT"}},
      {{"--listen", "127.0.0.1:99999"}, {"--listen", "'127.0.0.1:99999'"}},
      {{"--admin", "localhost"}, {"--admin", "'localhost'"}},
      {{"--threads", "0"}, {"--threads", "'0'", "1"}},
      {{"--threads", "-1"}, {"--threads", "'-1'"}},
      {{"--threads", "4x"}, {"--threads", "'4x'"}},
      {{"--threads", "99999999999999999999"}, {"--threads", "99999999999999999999"}},
      {{"--max-batch-events", "0"}, {"--max-batch-events", "'0'"}},
      {{"--max-body-bytes", "1MB"}, {"--max-body-bytes", "1MB", "MiB"}},
      {{"--max-body-bytes", "0"}, {"--max-body-bytes: must be greater than 0, got 0"}},
      {{"--max-head-bytes", "0"}, {"--max-head-bytes: must be greater than 0, got 0"}},
      {{"--idle-timeout", "0s"}, {"--idle-timeout: must be greater than 0, got 0s"}},
      {{"--ack-timeout", "0s"}, {"--ack-timeout: must be greater than 0, got 0s"}},
      {{"--ack", "maybe"}, {"--ack", "'maybe'", "durable, accepted"}},
      {{"--ack", "durable,accepted"}, {"--ack"}},
      {{"--ack", ""}, {"--ack"}},
      {{"--ack-timeout", "10"}, {"--ack-timeout", "10"}},
      {{"--drain-delay", "soon"}, {"--drain-delay", "soon"}},
      {{"--context", "ip,cookie"}, {"--context", "'cookie'", "user_agent"}},
      {{"--url-strip", "path"}, {"--url-strip", "'path'", "query, fragment"}},
      {{"--allow-origin", "https://a.test/"}, {"--allow-origin", "'https://a.test/'"}},
      {{"--client-ip-header", "X-Real-IP"}, {"--client-ip-header", "'X-Real-IP'"}},
  };
  for (const Case& c : cases) {
    CAPTURE(fmt::format("{}", c.arguments.back()));
    const std::string error = error_of(c.arguments);
    CHECK_FALSE(error.empty());
    check_named(error, c.named);
  }
}

TEST_CASE("the live page needs an admin port, and a token where others can reach it") {
  const std::string token = "0123456789abcdef";
  CHECK(read({"--live", "--admin", "127.0.0.1:0"})->live);
  {
    const Variable variable{"EVENTCOLLECT_LIVE_TOKEN", token};
    CHECK(read({"--live", "--admin", "0.0.0.0:0"})->live_token == token);
  }
  check_named(error_of({"--live"}), {"--live needs --admin HOST:PORT"});
  check_named(error_of({"--live", "--admin", "0.0.0.0:8081"}),
              {"--live", "'0.0.0.0'", "needs a token", "EVENTCOLLECT_LIVE_TOKEN"});
  const std::string short_token =
      error_of({"--live", "--admin", "[::]:0", "--live-token", "hunter2"});
  check_named(short_token, {"--live-token must have at least 16 characters, got 7"});
  CHECK(short_token.find("hunter2") == std::string::npos);
}

TEST_CASE("a wrong value in the environment is named, too") {
  const Variable variable{"EVENTCOLLECT_THREADS", "lots"};
  check_named(error_of({}), {"threads", "'lots'"});
}

TEST_CASE("an address is a host, a colon and a port") {
  struct Case {
    std::string_view text;
    std::string_view host;
    int port;  // -1: rejected
  };
  const Case cases[] = {
      {"127.0.0.1:8080", "127.0.0.1", 8080},
      {"localhost:0", "localhost", 0},
      {"0.0.0.0:65535", "0.0.0.0", 65535},
      {"[::1]:8080", "::1", 8080},
      {"[::]:0", "::", 0},
      {"example.org:80", "example.org", 80},
      {"127.0.0.1:65536", "", -1},
      {"127.0.0.1:99999", "", -1},
      {"127.0.0.1:-1", "", -1},
      {"127.0.0.1:+1", "", -1},
      {"127.0.0.1: 1", "", -1},
      {"127.0.0.1:1 ", "", -1},
      {"127.0.0.1:0x50", "", -1},
      {"127.0.0.1:", "", -1},
      {"127.0.0.1", "", -1},
      {":8080", "", -1},
      {"8080", "", -1},
      {"", "", -1},
      {"::1:8080", "", -1},
      {"[::1]", "", -1},
      {"[::1", "", -1},
      {"[]:80", "", -1},
      {"[:80", "", -1},
      {"]:80", "", -1},
      {"http://127.0.0.1:80", "", -1},
  };
  for (const Case& c : cases) {
    CAPTURE(c.text);
    try {
      const http::HostPort parsed = http::HostPort::parse(std::string{c.text});
      CHECK(c.port >= 0);
      CHECK(parsed.host == c.host);
      CHECK(parsed.port == c.port);
      CHECK(parsed.text() == c.text);
    } catch (const ConfigError& error) {
      CHECK(c.port == -1);
      check_named(error.what(), {fmt::format("'{}'", c.text)});
    }
  }
}

// A log whose lines and time are a test's.
class TestLog {
 public:
  ~TestLog() {
    std::fclose(file_);
    ::free(text_);
  }

  Log& log() { return log_; }
  void advance(std::chrono::steady_clock::duration by) { now_ += by; }

  // The lines since the last call, without their time.
  Strings lines() {
    std::fflush(file_);
    Strings lines;
    for (std::string_view rest = std::string_view{text_, bytes_}.substr(seen_); !rest.empty();) {
      const std::size_t end = rest.find('\n');
      REQUIRE(end != std::string_view::npos);
      const std::size_t space = rest.find(' ');
      REQUIRE(space == std::string_view{"2026-01-01T00:00:00.000Z"}.size());
      CHECK(parse_rfc3339(rest.substr(0, space)));
      lines.emplace_back(rest.substr(space + 1, end - space - 1));
      rest.remove_prefix(end + 1);
    }
    seen_ = bytes_;
    return lines;
  }

 private:
  char* text_ = nullptr;
  std::size_t bytes_ = 0;
  std::size_t seen_ = 0;
  std::FILE* file_ = open_memstream(&text_, &bytes_);
  std::chrono::steady_clock::time_point now_{};
  Log log_{file_, [this] { return now_; }};
};

TEST_CASE("a line of the log is one line with the time in front") {
  TestLog test;
  test.log().say("started");
  test.log().say("{} and %s", "braces {}");
  CHECK(test.lines() == Strings{"started", "braces {} and %s"});
}

TEST_CASE("a line break in a message makes no second line") {
  TestLog test;
  test.log().say("one\ntwo\r\nthree");
  CHECK(test.lines() == Strings{"one two  three"});
}

TEST_CASE("what others sent cannot move the terminal's cursor, and is cut off") {
  TestLog test;
  test.log().say("the broker says \x1b[2J\x07");
  CHECK(test.lines() == Strings{"the broker says \\x1b[2J\\x07"});
  test.log().say("{}", std::string(1 << 20, 'x'));
  CHECK(test.lines().front().size() < 2'100);
}

TEST_CASE("lines of one topic come every ten seconds, and then say how many did not") {
  TestLog test;
  Log& log = test.log();
  log.say_seldom("failure", "disk full");
  log.say_seldom("failure", "disk full");
  CHECK(test.lines() == Strings{"disk full"});
  test.advance(9999ms);
  log.say_seldom("failure", "disk full");
  CHECK(test.lines().empty());
  test.advance(1ms);
  log.say_seldom("failure", "still full");
  CHECK(test.lines() == Strings{"still full (2 more like it left out)"});
  log.say_seldom("failure", "still full");
  CHECK(test.lines().empty());
  test.advance(10s);
  log.say_seldom("failure", "full");
  CHECK(test.lines() == Strings{"full (1 more like it left out)"});
  test.advance(10s);
  log.say_seldom("failure", "full");
  CHECK(test.lines() == Strings{"full"});
}

TEST_CASE("topics do not hold each other up, and say() is never held up") {
  TestLog test;
  Log& log = test.log();
  log.say_seldom("failure", "a");
  log.say_seldom("recovery", "b");
  log.say_seldom("failure", "c");
  log.say("d");
  log.say("d");
  CHECK(test.lines() == Strings{"a", "b", "d", "d"});
}

}  // namespace
}  // namespace eventcollect
