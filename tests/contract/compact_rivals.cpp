// Several compactors at once, and archivers meanwhile, in every order that a seed gives.
#include <doctest/doctest.h>

#include <condition_variable>
#include <mutex>
#include <random>
#include <thread>

#include "contract/compact_faults.hpp"
#include "support/disk_faults.hpp"
#include "support/seed.hpp"

using namespace eventcollect;
using namespace eventcollect::test;

namespace {

// Lets one of several users of a store go on at a time, by a random schedule. Some get long turns,
// so that the others are as slow as can be.
class Turns {
 public:
  Turns(std::uint64_t seed, std::size_t users) : random_{seed}, is_there_(users, true) { pick(); }

  HookedStore::Hook hook(std::size_t user) {
    return [this, user](const StoreCall& call) {
      std::unique_lock lock{mutex_};
      if (call.done) {
        if (user == turn_ && random_() % length_ == 0) pick();
      } else {
        changed_.wait(lock, [&] { return user == turn_; });
      }
    };
  }

  void leave(std::size_t user) {
    const std::lock_guard lock{mutex_};
    is_there_[user] = false;
    if (user == turn_) pick();
  }

 private:
  void pick() {
    static constexpr std::size_t lengths[] = {1, 1, 4, 40};
    length_ = lengths[random_() % std::size(lengths)];
    for (std::size_t tries = 0; tries < is_there_.size(); ++tries) {
      turn_ = (tries == 0 ? random_() : turn_ + 1) % is_there_.size();
      if (is_there_[turn_]) break;
    }
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::mt19937_64 random_;
  std::vector<bool> is_there_;
  std::size_t turn_ = 0;
  std::size_t length_ = 1;
};

struct Rivalry {
  std::uint64_t seed;
  MemoryStore store{written_at};
  std::size_t compactors = 2;
  bool are_mortal = false;

  void run() {
    std::mt19937_64 random{seed};
    Turns turns{random(), compactors + 1};
    std::vector<std::jthread> threads;
    threads.reserve(compactors + 1);
    for (std::size_t user = 0; user < compactors; ++user) {
      threads.emplace_back([this, &turns, user, own_seed = random()] {
        compact_it(turns.hook(user), own_seed);
        turns.leave(user);
      });
    }
    threads.emplace_back([this, &turns] {
      HookedStore archived{store, turns.hook(compactors)};
      archive(archived);
      turns.leave(compactors);
    });
  }

 private:
  void compact_it(const HookedStore::Hook& hook, std::uint64_t own_seed) {
    std::mt19937_64 random{own_seed};
    for (int run = 0; run < 4; ++run) {
      auto options = small_outputs();
      options.target_bytes = 1'000 + random() % 3'000;  // as an operator may have changed it
      options.threads = 1 + random() % 2;
      const std::size_t last = are_mortal && run < 3 ? 1 + random() % 100 : 1'000'000;
      Mortal{store, last, random() % 2 == 0, hook}.compact_it(options);
    }
  }

  static void archive(ObjectStore& archived) {
    put_first_raws(archived);
    put_stragglers(archived);
    // Each holds one event that was, and one that is new.
    for (std::uint64_t i = 0; i < 30; ++i) {
      put_raw(archived, "f" + id_of(i), {line_of({.number = 8 + i}), line_of({.number = 45 + i})});
    }
  }
};

void check_rivalries(int rounds, std::size_t compactors, bool are_mortal) {
  std::mt19937_64 random{seed()};
  std::size_t plans = 0;
  for (int round = 0; round < rounds; ++round) {
    Rivalry rivalry{.seed = random(), .compactors = compactors, .are_mortal = are_mortal};
    INFO("round ", round);
    rivalry.run();
    compact(rivalry.store, small_outputs());
    CHECK(check_hour(rivalry.store) == ids_of(0, 75));
    check_letters(rivalry.store, 2);
    plans += plans_in(rivalry.store).size();
  }
  // Where each round had one plan only, none met stragglers.
  CHECK(plans > static_cast<std::size_t>(rounds));
}

}  // namespace

TEST_CASE("two compactors and an archiver do no harm to each other") {
  check_rivalries(static_cast<int>(under_sanitizer(500, 20)), 2, false);
}

TEST_CASE("nor do four") { check_rivalries(static_cast<int>(under_sanitizer(200, 10)), 4, false); }

TEST_CASE("nor do those that die") {
  check_rivalries(static_cast<int>(under_sanitizer(500, 20)), 3, true);
}
