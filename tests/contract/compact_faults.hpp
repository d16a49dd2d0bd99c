// Hours of all kinds of raw objects, and compactors that die.
#pragma once

#include <doctest/doctest.h>

#include <atomic>
#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "support/hooked_store.hpp"
#include "support/hours.hpp"
#include "support/memory_store.hpp"

namespace eventcollect::test {

inline const ManualClock written_at{some_time + std::chrono::hours{1}};

// Not of std::exception, so that nothing takes it for an error that it has an answer to.
struct Crash {};

// A process that compacts, dies at call `last` of the store, before it has an effect or after, and
// does nothing more.
class Mortal {
 public:
  Mortal(ObjectStore& store, std::size_t last, bool has_effect, HookedStore::Hook hook = {})
      : last_{last},
        has_effect_{has_effect},
        store_{store, [this, hook = std::move(hook)](const StoreCall& call) {
                 if (hook) hook(call);
                 const std::size_t now = call.done ? calls_.load() : ++calls_;
                 if (now > last_ || (now == last_ && call.done == has_effect_)) throw Crash{};
               }} {}

  // Whether it survived.
  bool compact_it(const CompactOptions& options) {
    try {
      compact(store_, options);
      return true;
    } catch (const Crash&) {
      return false;
    }
  }

 private:
  std::size_t last_;
  bool has_effect_;
  std::atomic<std::size_t> calls_{0};
  HookedStore store_;
};

// Objects of all kinds: 40 events, of which some come twice, three raws, one of them damaged.
inline void put_first_raws(ObjectStore& store) {
  std::vector<std::string> lines;
  for (std::uint64_t i = 0; i < 30; ++i) lines.push_back(line_of({.number = i}));
  put_raw(store, "a", lines);
  put_raw(store, "b",
          {line_of({.number = 3, .offset = 5}), line_of({.number = 30}),
           line_of({.number = 7, .name = "another"}), "no event"});
  lines.clear();
  for (std::uint64_t i = 25; i < 40; ++i) lines.push_back(line_of({.number = i}));
  put_raw(store, "c", lines);
  store.put(raw_key("d"), "no gzip");
}

// Five events more, one of them that the hour has already, and one under an id that it has.
inline void put_stragglers(ObjectStore& store) {
  std::vector<std::string> lines{line_of({.number = 2, .offset = 9}),
                                 line_of({.number = 5, .name = "another"})};
  for (std::uint64_t i = 40; i < 45; ++i) lines.push_back(line_of({.number = i}));
  put_raw(store, "e", lines);
}

inline void check_letters(ObjectStore& store, std::size_t conflicts) {
  std::size_t found = 0;
  std::size_t unreadable = 0;
  for (const std::string& letter : letters_in(store)) {
    const std::string code = Json{letter}.text("/code");
    if (code == "event_id.conflict") ++found;
    if (code == "json.malformed") ++unreadable;
  }
  CHECK(found == conflicts);
  CHECK(unreadable == 1);
  CHECK(read_object(store, "quarantine/" + some_partition + "d.json.gz") == "no gzip");
}

inline CompactOptions small_outputs() {
  auto options = later_options();
  options.target_bytes = 2'000;
  return options;
}

}  // namespace eventcollect::test
