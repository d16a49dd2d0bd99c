// The directory of objects against the worst disk: power cuts at any step, and system calls
// failing.
#include <doctest/doctest.h>

#include <cerrno>
#include <map>
#include <random>
#include <set>

#include "eventcollect/dir.hpp"
#include "eventcollect/objects.hpp"
#include "support/objects.hpp"
#include "support/power_cut_file_system.hpp"
#include "support/seed.hpp"

namespace eventcollect::test {
namespace {

// What the calls that returned have promised: the content of each key.
using Promised = std::map<std::string, std::string>;

struct Run {
  PowerCutFileSystem& files;
  std::mt19937_64& random;
  Promised promised;
  Promised tried;  // what an unfinished call would have made of a key
  int next = 0;

  void act(DirStore& store) {
    const std::string key =
        "raw/h" + std::to_string(random() % 3) + "/" + std::to_string(random() % 4);
    const std::string content =
        "content " + std::to_string(next++) + std::string(random() % 50, 'x');
    tried[key] = content;
    switch (random() % 3) {
      case 0:
        store.put(key, content);
        promised[key] = content;
        break;
      case 1: {
        const bool was_there = promised.contains(key);
        const bool created = store.create(key, content);
        CHECK(created != was_there);
        if (created) promised[key] = content;
        break;
      }
      default: {
        const auto writer = store.write(key);
        writer->write(content.substr(0, 5));
        writer->write(content.substr(5));
        if (random() % 4 == 0) break;  // given up
        writer->commit();
        promised[key] = content;
      }
    }
    tried.erase(key);
  }
};

// Everything promised is there, and nothing but what was promised or at hand.
void check(const PowerCutFileSystem& files, const Run& run) {
  const auto found = files.contents();
  for (const auto& entry : run.promised) {
    const auto& [key, content] = entry;
    CAPTURE(entry.first);
    const auto at = found.find("store/" + key);
    REQUIRE(at != found.end());
    const auto tried = run.tried.find(key);
    CHECK((at->second == content || (tried != run.tried.end() && at->second == tried->second)));
  }
  for (const auto& entry : found) {
    const auto& [path, content] = entry;
    if (path.starts_with("store/.temporary/")) continue;
    CAPTURE(entry.first);
    const std::string key = path.substr(6);
    const bool was_tried = run.tried.contains(key) && run.tried.at(key) == content;
    CHECK((was_tried || (run.promised.contains(key) && run.promised.at(key) == content)));
  }
}

}  // namespace

TEST_CASE("an object that was written survives a power cut at any step, whole") {
  std::mt19937_64 random{seed()};
  for (int round = 0; round < 400; ++round) {
    PowerCutFileSystem files;
    Run run{files, random, {}, {}};
    files.max_write = random() % 2 == 0 ? 7 : 0;
    files.cut_after(random() % 120);
    try {
      DirStore store{"store", files};
      for (;;) run.act(store);
    } catch (const PowerCut&) {
    }
    files.power_on(random);
    check(files, run);
  }
}

TEST_CASE("a write that fails is in doubt if its object may be there, else nothing is stored") {
  constexpr const char* key = "raw/h/1";
  for (const bool creates : {false, true}) {
    CAPTURE(creates);
    std::set<Error::Kind> seen;
    bool has_failed = true;
    for (int failing = 1; has_failed; ++failing) {
      CAPTURE(failing);
      PowerCutFileSystem files;
      DirStore store{"store", files};
      int calls = 0;
      has_failed = false;
      files.fault = [&](Call call) {
        if (call == Call::remove || ++calls != failing) return 0;
        has_failed = true;
        return EIO;
      };
      try {
        if (creates) {
          store.create(key, "x");
        } else {
          store.put(key, "x");
        }
        CHECK_FALSE(has_failed);
      } catch (const Error& error) {
        seen.insert(error.kind());
        if (files.contents().contains(std::string{"store/"} + key)) {
          CHECK(error.kind() == Error::in_doubt);
        }
      }
    }
    CHECK((seen == std::set{Error::unavailable, Error::in_doubt}));
  }
}

TEST_CASE(
    "a system call that fails is an error of the store, and no object is lost or half there") {
  std::mt19937_64 random{seed()};
  for (int round = 0; round < 400; ++round) {
    PowerCutFileSystem files;
    Run run{files, random, {}, {}};
    int failures = 0;
    DirStore store{"store", files};
    files.fault = [&](Call call) {
      if (call == Call::remove || random() % 20 != 0) return 0;
      ++failures;
      return random() % 2 == 0 ? ENOSPC : EIO;
    };
    for (int step = 0; step < 30; ++step) {
      // A key whose outcome is unknown is left alone from here on.
      const auto unknown = run.tried;
      try {
        run.act(store);
      } catch (const Error&) {
        break;
      }
      for (const auto& [key, content] : unknown) run.tried.try_emplace(key, content);
    }
    files.fault = {};
    check(files, run);
  }
}

}  // namespace eventcollect::test
