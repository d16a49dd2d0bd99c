#include "server/page_file.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <fstream>

#include "eventcollect/url.hpp"
#include "support/directory.hpp"

namespace eventcollect::test {

using server::max_page_bytes;
using server::read_page;

TEST_CASE("a page is read whole, up to its bound") {
  const TemporaryDirectory directory;
  const std::string path = directory.path("page");
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{100'000}, max_page_bytes}) {
    CAPTURE(bytes);
    const std::string content(bytes, 'x');
    std::ofstream{path, std::ios::binary} << content;
    CHECK(*read_page(path, "/events") == content);
  }
  std::ofstream{path, std::ios::app} << 'x';
  CHECK_THROWS_WITH_AS(read_page(path, "/events"),
                       ("--page: '" + path + "' is larger than 8 MiB").c_str(), ConfigError);
}

TEST_CASE("without a file it is the demo page") {
  CHECK(read_page("", "/events")->find("data-event=") != std::string::npos);
  const auto loads = [](std::string_view events_path, std::string_view from) {
    const std::string source = fmt::format(R"(<script src="{}")", from);
    return read_page("", events_path)->find(source) != std::string::npos;
  };
  CHECK(loads("/events", "/events/client.js"));
  CHECK(loads("/shop/log", "/shop/log/client.js"));
  CHECK(loads("/a\"b&c", "/a&quot;b&amp;c/client.js"));
}

TEST_CASE("what is not a file is rejected at once") {
  const TemporaryDirectory directory;
  const std::string pipe = directory.path("pipe");
  REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
  const auto error_of = [](const std::string& path) -> std::string {
    try {
      read_page(path, "/events");
    } catch (const ConfigError& error) {
      return error.what();
    }
    return {};
  };
  CHECK(error_of(pipe) == "--page: cannot read '" + pipe + "': it is not a regular file");
  CHECK(error_of("/dev/zero") == "--page: '/dev/zero' is larger than 8 MiB");
  CHECK(error_of(directory.path()) ==
        "--page: cannot read '" + directory.path() + "': Is a directory");
  const std::string missing = directory.path("missing");
  CHECK(error_of(missing) == "--page: cannot read '" + missing + "': No such file or directory");
}

}  // namespace eventcollect::test
