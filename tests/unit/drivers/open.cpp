#include "eventcollect/open.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "eventcollect/memory.hpp"
#include "support/events.hpp"
#include "support/writing.hpp"

namespace eventcollect::test {
namespace {

std::string message_of(const std::string& url) {
  try {
    open_sink(url);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("an unknown scheme is rejected with a list of the known") {
  const std::string message = message_of("rabbit://user:secret@host/");
  CHECK(message.find("'rabbit'") != std::string::npos);
  CHECK(message.find("file, null") != std::string::npos);
  CHECK(message.find("secret") == std::string::npos);
}

TEST_CASE("what is no URL is rejected by name, unless it may hold a password") {
  CHECK(message_of("no-scheme").find("'no-scheme'") != std::string::npos);
  const std::string message = message_of("//user:secret@host");
  CHECK_FALSE(message.empty());
  CHECK(message.find("secret") == std::string::npos);
}

TEST_CASE("null: takes everything and no options") {
  write(*open_sink("null:"), numbered_batch("a", 1));
  CHECK_FALSE(message_of("null:x").empty());
  CHECK(message_of("null:?a=1").find("it has: none") != std::string::npos);
}

TEST_CASE("a registered sink is opened with its URL, and the last one registered counts") {
  auto first = std::make_shared<MemorySink>();
  auto second = std::make_shared<MemorySink>();
  std::string path;
  register_sink("mine", [&](const Url&) { return first; });
  register_sink("mine", [&](const Url& url) {
    path = url.path;
    return second;
  });
  CHECK(open_sink("MINE:a%20b") == second);
  CHECK(path == "a b");
  const auto known = known_sinks();
  CHECK(std::count(known.begin(), known.end(), "mine") == 1);
}

TEST_CASE("an opener that makes no sink is an error") {
  register_sink("nothing", [](const Url&) { return std::shared_ptr<Sink>{}; });
  CHECK_FALSE(message_of("nothing:").empty());
}

}  // namespace eventcollect::test
