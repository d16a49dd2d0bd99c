#include "eventcollect/uuid.hpp"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <thread>
#include <vector>

using namespace eventcollect;

namespace {

std::int64_t milliseconds_of(const Uuid& uuid) {
  std::int64_t value = 0;
  for (std::size_t i = 0; i < 6; ++i) value = value << 8 | uuid.bytes[i];
  return value;
}

unsigned counter_of(const Uuid& uuid) { return (uuid.bytes[6] & 0x0FU) << 8 | uuid.bytes[7]; }

// The last id of the process so far: what is minted now can only be later.
TimePoint later_than_all() {
  return from_milliseconds(milliseconds_of(mint_uuid(TimePoint{})) + 1000);
}

}  // namespace

TEST_CASE("a UUID is read from its 36 characters in either case and written in lower case") {
  const std::string lower = "0193f2a4-7b3c-7d11-8a5e-0123456789ab";
  const auto uuid = Uuid::parse(lower);
  REQUIRE(uuid.has_value());
  CHECK(uuid->bytes == std::array<std::uint8_t, 16>{0x01, 0x93, 0xf2, 0xa4, 0x7b, 0x3c, 0x7d, 0x11,
                                                    0x8a, 0x5e, 0x01, 0x23, 0x45, 0x67, 0x89,
                                                    0xab});
  CHECK(uuid->to_string() == lower);
  CHECK(Uuid::parse("0193F2A4-7B3C-7D11-8A5E-0123456789AB") == uuid);
  char text[Uuid::text_bytes + 1];
  std::memset(text, '!', sizeof(text));
  uuid->write(text);
  CHECK(std::string_view{text, sizeof(text)} == lower + '!');
}

TEST_CASE("a UUID of any version and variant is read, nil and max included") {
  const auto nil = Uuid::parse("00000000-0000-0000-0000-000000000000");
  const auto max = Uuid::parse("ffffffff-ffff-ffff-ffff-ffffffffffff");
  const auto other = Uuid::parse("12345678-1234-f234-3234-123456789012");
  REQUIRE((nil && max && other));
  CHECK(nil->is_nil());
  CHECK_FALSE(nil->is_max());
  CHECK(max->is_max());
  CHECK_FALSE(max->is_nil());
  CHECK_FALSE((other->is_nil() || other->is_max()));
  CHECK(*nil < *other);
  CHECK(*other < *max);
  CHECK(Uuid{} == *nil);
}

TEST_CASE("what has not the form of a UUID is not read") {
  const std::string good = "0193f2a4-7b3c-7d11-8a5e-0123456789ab";
  for (const std::string_view text :
       {"", "0193f2a47b3c7d118a5e0123456789ab", "{0193f2a4-7b3c-7d11-8a5e-0123456789ab}",
        "urn:uuid:0193f2a4-7b3c-7d11-8a5e-0123456789ab", "0193f2a4-7b3c-7d11-8a5e-0123456789a",
        "0193f2a4-7b3c-7d11-8a5e-0123456789abc", "0193f2a4 7b3c 7d11 8a5e 0123456789ab",
        "0193f2a47-b3c-7d11-8a5e-0123456789ab"}) {
    CAPTURE(text);
    CHECK_FALSE(Uuid::parse(text).has_value());
  }
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (const char wrong : {'g', 'G', '-', '/', ':', '@', '`', ' ', '\0', '\xff'}) {
      if (good[i] == wrong) continue;
      std::string text = good;
      text[i] = wrong;
      CHECK_FALSE(Uuid::parse(text).has_value());
    }
  }
}

TEST_CASE("a minted UUID is of version 7 and holds the time") {
  const TimePoint now = later_than_all();
  const Uuid uuid = mint_uuid(now);
  CHECK((uuid.bytes[6] >> 4) == 7);
  CHECK((uuid.bytes[8] >> 6) == 0b10);
  CHECK(milliseconds_of(uuid) == to_milliseconds(now));
  CHECK(counter_of(uuid) == 0);
  CHECK(counter_of(mint_uuid(now)) == 1);
}

TEST_CASE("each minted UUID is greater than the last, whatever the clock does") {
  const TimePoint now = later_than_all();
  Uuid last = mint_uuid(now);
  for (int i = 0; i < 10'000; ++i) {  // more than the counter holds
    const Uuid next = mint_uuid(now);
    REQUIRE(last < next);
    last = next;
  }
  CHECK(milliseconds_of(last) == to_milliseconds(now) + 2);  // run over into the time
  for (const auto step : {-1, -1000, -100'000'000, 1, -1}) {
    const Uuid next = mint_uuid(now + std::chrono::milliseconds{step});
    CHECK(last < next);
    last = next;
  }
  const Uuid far = mint_uuid(now + std::chrono::seconds{1});
  CHECK(milliseconds_of(far) == to_milliseconds(now) + 1000);
}

TEST_CASE("a clock before the epoch does not spoil later UUIDs") {
  const TimePoint now = later_than_all();
  mint_uuid(from_milliseconds(-1));
  CHECK(milliseconds_of(mint_uuid(now)) == to_milliseconds(now));
}

TEST_CASE("threads mint different UUIDs, each of them in order") {
  constexpr std::size_t each = 5'000;
  const TimePoint now = later_than_all();
  std::vector<std::vector<Uuid>> minted(4);
  std::vector<std::thread> threads;
  for (auto& mine : minted) {
    threads.emplace_back([&mine, now] {
      for (std::size_t i = 0; i < each; ++i) mine.push_back(mint_uuid(now));
    });
  }
  for (auto& thread : threads) thread.join();
  std::set<Uuid> all;
  for (const auto& mine : minted) {
    CHECK(std::is_sorted(mine.begin(), mine.end()));
    all.insert(mine.begin(), mine.end());
  }
  CHECK(all.size() == minted.size() * each);
}

TEST_CASE("a forked child mints other UUIDs than its parent") {
  mint_uuid(later_than_all());  // random bytes that both would hold
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const Uuid mine = mint_uuid(TimePoint{});
    const bool sent = write(ends[1], mine.bytes.data(), mine.bytes.size()) == 16;
    _exit(sent ? 0 : 1);
  }
  const Uuid mine = mint_uuid(TimePoint{});
  Uuid theirs;
  CHECK(read(ends[0], theirs.bytes.data(), theirs.bytes.size()) == 16);
  int status = -1;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  close(ends[0]);
  close(ends[1]);
  // The time and the counter are the same, the random bits are not.
  CHECK(std::equal(mine.bytes.begin(), mine.bytes.begin() + 8, theirs.bytes.begin()));
  CHECK_FALSE(std::equal(mine.bytes.begin() + 8, mine.bytes.end(), theirs.bytes.begin() + 8));
}
