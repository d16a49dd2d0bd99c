#include "base/durable_directories.hpp"

#include <doctest/doctest.h>

#include <cerrno>
#include <random>
#include <string>
#include <vector>

#include "support/power_cut_file_system.hpp"
#include "support/seed.hpp"

namespace eventcollect::test {

using base::DurableDirectories;

namespace {

// Counts the syncs of directories.
struct Disk {
  PowerCutFileSystem files;
  int syncs = 0;

  Disk() {
    files.fault = [this](Call call) {
      if (call == Call::sync_directory) ++syncs;
      return 0;
    };
  }

  bool has(const std::string& path) { return files.make_directory(path) == -EEXIST; }

  // How many directories are synced to make `path`.
  int syncs_to_make(DurableDirectories& directories, const std::string& path) {
    const int before = syncs;
    CHECK_FALSE(directories.make(path));
    return syncs - before;
  }
};

}  // namespace

TEST_CASE("a directory and its missing parents are made, and the entry of each is synced once") {
  Disk disk;
  DurableDirectories directories{disk.files, "a"};
  CHECK(disk.syncs_to_make(directories, "a/b/c") == 3);
  for (const char* path : {"a", "a/b", "a/b/c"}) CHECK(disk.has(path));
  CHECK(disk.syncs_to_make(directories, "a/b/c") == 0);
  CHECK(disk.syncs_to_make(directories, "a/b/d/") == 1);
  CHECK(disk.syncs_to_make(directories, "a/b/d") == 0);
}

TEST_CASE("what another process has made is synced once, above the root as well") {
  Disk disk;
  for (const char* path : {"/x", "/x/root", "/x/root/a"}) disk.files.make_directory(path);
  DurableDirectories directories{disk.files, "/x/root/"};
  CHECK(disk.syncs_to_make(directories, "/x/root") == 2);
  CHECK(disk.syncs_to_make(directories, "/x/root/a") == 1);
  CHECK(disk.syncs_to_make(directories, "/x/root/a/b") == 1);
}

TEST_CASE("what a killed process has made, and not synced, survives a power cut after make()") {
  std::mt19937_64 random{seed()};
  for (int round = 0; round < 50; ++round) {
    PowerCutFileSystem files;
    for (const char* path : {"/x", "/x/root", "/x/root/a"}) files.make_directory(path);
    CHECK_FALSE(DurableDirectories{files, "/x/root"}.make("/x/root/a"));
    files.power_on(random);
    CHECK(files.make_directory("/x/root/a") == -EEXIST);
  }
}

TEST_CASE("a directory that was removed is made again, durable, with its parents") {
  std::mt19937_64 random{seed()};
  const std::vector<std::string> removals[] = {{"a/b/c"}, {"a/b/c", "a/b"}, {"a/b/c", "a/b", "a"}};
  for (const auto& removed : removals) {
    CAPTURE(removed.size());
    PowerCutFileSystem files;
    DurableDirectories directories{files, "a"};
    CHECK_FALSE(directories.make("a/b/c"));
    for (const std::string& path : removed) files.remove(path);
    CHECK_FALSE(directories.make("a/b/c"));
    files.power_on(random);
    CHECK(files.make_directory("a/b/c") == -EEXIST);
  }
}

TEST_CASE("a directory whose entry could not be synced is synced again") {
  Disk disk;
  DurableDirectories directories{disk.files, "a"};
  const auto count = disk.files.fault;
  disk.files.fault = [](Call call) { return call == Call::sync_directory ? EIO : 0; };
  const auto failure = directories.make("a/b");
  REQUIRE(failure);
  CHECK(failure->error == EIO);
  CHECK(failure->call == "sync");
  CHECK(failure->path == ".");
  disk.files.fault = count;
  CHECK(disk.syncs_to_make(directories, "a/b") == 2);
}

TEST_CASE("a root that exists may lie in a directory that cannot be read, a new one may not") {
  for (const bool exists : {true, false}) {
    CAPTURE(exists);
    PowerCutFileSystem files;
    if (exists) files.make_directory("root");
    files.fault = [](Call call) { return call == Call::open ? EACCES : 0; };
    const auto failure = DurableDirectories{files, "root"}.make("root");
    CHECK(failure.has_value() != exists);
    if (failure) CHECK(failure->call == "open");
  }
}

}  // namespace eventcollect::test
