// Compactors on the worst disk: one is killed, and the power goes under the one that goes on.
#include <doctest/doctest.h>

#include <exception>
#include <memory>
#include <random>
#include <string>
#include <string_view>

#include "eventcollect/compact.hpp"
#include "eventcollect/dir.hpp"
#include "support/hours.hpp"
#include "support/power_cut_file_system.hpp"
#include "support/seed.hpp"

namespace eventcollect::test {
namespace {

struct Killed : std::exception {};

// A DirStore, which lists what is on its disk in memory.
class DiskStore final : public ObjectStore {
 public:
  explicit DiskStore(PowerCutFileSystem& files) : files_{files}, inner_{"store", files} {}

  void list(std::string_view prefix, std::string_view after, const Visit& visit) override {
    constexpr std::string_view root = "store/";
    for (const auto& [path, content] : files_.contents()) {
      const std::string_view key = std::string_view{path}.substr(root.size());
      const bool is_wanted = key.starts_with(prefix) && key > after && key.front() != '.';
      if (is_wanted && !visit({std::string{key}, content.size(), some_time})) return;
    }
  }
  std::unique_ptr<ObjectReader> get(std::string_view key) override { return inner_.get(key); }
  void put(std::string_view key, std::string_view content) override { inner_.put(key, content); }
  bool create(std::string_view key, std::string_view content) override {
    return inner_.create(key, content);
  }
  std::unique_ptr<ObjectWriter> write(std::string_view key) override { return inner_.write(key); }
  void remove(std::string_view key) override { inner_.remove(key); }
  void sync(std::string_view key) override { inner_.sync(key); }

 private:
  PowerCutFileSystem& files_;
  DirStore inner_;
};

// A process that compacts until it is done, killed, or without power.
void compact_on(PowerCutFileSystem& files) {
  try {
    DiskStore store{files};
    compact(store, later_options());
  } catch (const std::exception&) {
  }
}

// Kills the process where it syncs a directory for the `last` time.
std::function<int(Call)> killed_at_sync(std::size_t last) {
  return [last, syncs = std::size_t{0}](Call call) mutable {
    if (call == Call::sync_directory) ++syncs;
    if (syncs >= last) throw Killed{};
    return 0;
  };
}

}  // namespace

TEST_CASE("what a killed compactor left is durable before another acts on it") {
  std::mt19937_64 random{seed()};
  for (int round = 0; round < 1'500; ++round) {
    CAPTURE(round);
    PowerCutFileSystem files;
    {
      DiskStore store{files};
      put_raw(store, "a", {line_of({.number = 0}), line_of({.number = 1})});
      put_raw(store, "b", {line_of({.number = 2}), line_of({.number = 1})});
    }
    files.fault = killed_at_sync(1 + random() % 16);
    compact_on(files);
    files.fault = nullptr;
    files.cut_after(random() % 60);
    compact_on(files);
    files.power_on(random);
    DiskStore store{files};
    compact(store, later_options());
    CHECK(check_hour(store) == ids_of(0, 3));
  }
}

}  // namespace eventcollect::test
