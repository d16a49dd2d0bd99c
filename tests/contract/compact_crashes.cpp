// A compactor that ends at any of its calls to the store, and those that come after it.
#include <doctest/doctest.h>

#include <atomic>
#include <random>

#include "contract/compact_faults.hpp"
#include "support/seed.hpp"

using namespace eventcollect;
using namespace eventcollect::test;

TEST_CASE("a crash at any call to the store heals with the next run") {
  for (const bool has_effect : {false, true}) {
    std::size_t crashes = 0;
    for (bool survived = false; !survived; ++crashes) {
      INFO("crash at call ", crashes + 1, has_effect ? ", after it" : ", before it");
      MemoryStore store{written_at};
      put_first_raws(store);
      survived = Mortal{store, crashes + 1, has_effect}.compact_it(small_outputs());
      compact(store, small_outputs());
      CHECK(check_hour(store) == ids_of(0, 40));
      CHECK(plans_in(store).size() == 1);
      check_letters(store, 1);
    }
    CHECK(crashes > 40);
  }
}

TEST_CASE("a crash at any call heals with stragglers as well") {
  for (const bool has_effect : {false, true}) {
    std::size_t crashes = 0;
    for (bool survived = false; !survived; ++crashes) {
      INFO("crash at call ", crashes + 1, has_effect ? ", after it" : ", before it");
      MemoryStore store{written_at};
      put_first_raws(store);
      compact(store, small_outputs());
      put_stragglers(store);
      survived = Mortal{store, crashes + 1, has_effect}.compact_it(small_outputs());
      compact(store, small_outputs());
      CHECK(check_hour(store) == ids_of(0, 45));
      CHECK(plans_in(store).size() == 2);
      check_letters(store, 2);
    }
    CHECK(crashes > 30);
  }
}

TEST_CASE("raw objects that come between crashes get in once") {
  std::mt19937_64 random{seed()};
  for (int round = 0; round < 200; ++round) {
    INFO("round ", round);
    MemoryStore store{written_at};
    put_first_raws(store);
    bool has_stragglers = false;
    for (int crash = 0; crash < 6; ++crash) {
      Mortal{store, 1 + random() % 60, random() % 2 == 0}.compact_it(small_outputs());
      if (!has_stragglers && random() % 3 == 0) {
        has_stragglers = true;
        put_stragglers(store);
      }
    }
    if (!has_stragglers) put_stragglers(store);
    compact(store, small_outputs());
    CHECK(check_hour(store) == ids_of(0, 45));
    check_letters(store, 2);
  }
}

TEST_CASE("a store that fails at any call is an error of the hour, and heals") {
  for (const auto kind : {Error::unavailable, Error::misconfigured}) {
    std::size_t failures = 0;
    for (bool succeeded = false; !succeeded; ++failures) {
      INFO("failure at call ", failures + 1);
      MemoryStore store{written_at};
      put_first_raws(store);
      std::atomic<std::size_t> calls{0};
      HookedStore failing{store, [&](const StoreCall& call) {
                            if (!call.done && ++calls == failures + 1)
                              throw Error{kind, "told to fail"};
                          }};
      succeeded = true;
      try {
        compact(failing, small_outputs());
        // What reads an object twice or asks again may do without one of the calls.
        succeeded = calls < failures + 1;
      } catch (const Error&) {
        succeeded = false;
      }
      compact(store, small_outputs());
      CHECK(check_hour(store) == ids_of(0, 40));
    }
    CHECK(failures > 40);
  }
}

TEST_CASE("a stop at any call leaves what was begun to the next run") {
  std::size_t stops = 0;
  for (bool finished = false; !finished; ++stops) {
    INFO("stop at call ", stops + 1);
    MemoryStore store{written_at};
    put_first_raws(store);
    std::stop_source stop;
    std::atomic<std::size_t> calls{0};
    HookedStore stopping{store, [&](const StoreCall&) {
                           if (++calls == stops + 1) stop.request_stop();
                         }};
    compact(stopping, small_outputs(), stop.get_token());
    finished = !stop.stop_requested();
    compact(store, small_outputs());
    CHECK(check_hour(store) == ids_of(0, 40));
  }
  CHECK(stops > 40);
}
