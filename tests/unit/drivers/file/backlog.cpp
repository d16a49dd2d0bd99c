#include "drivers/file/backlog.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "support/directory.hpp"

namespace eventcollect::file {

using base::posix_file_system;

namespace {

struct Setup {
  test::TemporaryDirectory root;
  Directory directory{root.path("events"), posix_file_system()};

  Setup() {
    std::filesystem::create_directory(directory.path());
    put("0000000003-20300101T000000Z.ndjson", 30);
    put("0000000004-20300101T000000Z.ndjson", 40);
    put("0000000004-20300101T000000Z.ndjson.torn", 400);
    put("current.ndjson", 5);
  }

  void put(const std::string& name, std::size_t bytes) const {
    std::ofstream{directory.path(name), std::ios::binary} << std::string(bytes, '\n');
  }
};

}  // namespace

TEST_CASE("the bytes left to read are those of the sealed files after the place") {
  Setup setup;
  const auto left = [&](const Place& from) { return bytes_from(from, setup.directory, nullptr); };
  CHECK(left({0, 0}) == 70);
  CHECK(left({3, 10}) == 60);
  CHECK(left({3, 1000}) == 40);
  CHECK(left({4, 0}) == 40);
  CHECK(left({5, 0}) == 0);
}

TEST_CASE("with the log's progress, what is durable of the growing file is left to read, too") {
  Setup setup;
  Progress progress;
  progress.set({5, 3, nullptr});
  const auto left = [&](const Place& from) { return bytes_from(from, setup.directory, &progress); };
  CHECK(left({3, 0}) == 73);
  CHECK(left({5, 2}) == 1);
  CHECK(left({5, 3}) == 0);
}

TEST_CASE("a file that was sealed since the progress was noted is not counted twice") {
  Setup setup;
  Progress progress;
  progress.set({4, 40, nullptr});
  CHECK(bytes_from({3, 0}, setup.directory, &progress) == 70);
}

}  // namespace eventcollect::file
