#include "eventcollect/uuid.hpp"

#include <sys/random.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "base/ascii.hpp"
#include "base/encoding.hpp"
#include "base/forks.hpp"

namespace eventcollect {

using base::forks;
using base::hex_pairs;
using base::hex_value;

namespace {

constexpr std::array<std::size_t, 4> dashes{8, 13, 18, 23};

bool is_dash(std::size_t position) {
  return std::find(dashes.begin(), dashes.end(), position) != dashes.end();
}

// Random bytes from the kernel, fetched a page at a time: a system call for each id would cost more
// than all the rest of collecting an event. No child of fork goes on with those of its parent.
class RandomBytes {
 public:
  std::uint64_t next() {
    const unsigned forks_now = forks();
    if (position_ == words_.size() || forks_now != forks_) refill(forks_now);
    return words_[position_++];
  }

 private:
  void refill(unsigned forks_now) {
    auto* out = reinterpret_cast<char*>(words_.data());
    std::size_t missing = sizeof(words_);
    while (missing > 0) {
      const ssize_t got = getrandom(out, missing, 0);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw std::system_error{errno, std::generic_category(), "getrandom"};
      out += got;
      missing -= static_cast<std::size_t>(got);
    }
    position_ = 0;
    forks_ = forks_now;
  }

  std::array<std::uint64_t, 256> words_{};
  std::size_t position_ = words_.size();
  unsigned forks_ = 0;
};

// The 60 bits that order the ids of a process: 48 of time and 12 of counter.
std::uint64_t next_tick(TimePoint now) {
  static std::atomic<std::uint64_t> last{0};
  constexpr std::uint64_t mask = (std::uint64_t{1} << 60) - 1;
  // A clock before the epoch would otherwise pass for one far ahead, and hold all later ids there.
  const TimePoint sane = std::max(now, TimePoint{});
  const std::uint64_t fresh = (static_cast<std::uint64_t>(to_milliseconds(sane)) << 12) & mask;
  std::uint64_t before = last.load(std::memory_order_relaxed);
  std::uint64_t tick = 0;
  do {
    tick = std::max(fresh, before + 1);
  } while (!last.compare_exchange_weak(before, tick, std::memory_order_relaxed));
  return tick;
}

void store_big_endian(std::uint64_t value, std::uint8_t* out) {
  for (int i = 7; i >= 0; --i, value >>= 8) out[i] = static_cast<std::uint8_t>(value);
}

}  // namespace

std::optional<Uuid> Uuid::parse(std::string_view text) {
  if (text.size() != text_bytes) return {};
  Uuid uuid;
  std::size_t nibble = 0;
  for (std::size_t i = 0; i < text_bytes; ++i) {
    if (is_dash(i)) {
      if (text[i] != '-') return {};
      continue;
    }
    const int value = hex_value(text[i]);
    if (value < 0) return {};
    auto& byte = uuid.bytes[nibble / 2];
    byte = static_cast<std::uint8_t>((byte << 4) | value);
    ++nibble;
  }
  return uuid;
}

void Uuid::write(char* out) const {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) *out++ = '-';
    out = std::copy_n(&hex_pairs[2 * std::size_t{bytes[i]}], 2, out);
  }
}

std::string Uuid::to_string() const {
  std::string text(text_bytes, '\0');
  write(text.data());
  return text;
}

bool Uuid::is_nil() const { return *this == Uuid{}; }

bool Uuid::is_max() const {
  return std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t byte) { return byte == 0xff; });
}

Uuid mint_uuid(TimePoint now) {
  thread_local RandomBytes random;
  const std::uint64_t tick = next_tick(now);
  constexpr std::uint64_t version = 7;
  constexpr std::uint64_t variant = std::uint64_t{0b10} << 62;
  Uuid uuid;
  store_big_endian(((tick >> 12) << 16) | (version << 12) | (tick & 0xfff), uuid.bytes.data());
  store_big_endian(variant | (random.next() >> 2), uuid.bytes.data() + 8);
  return uuid;
}

}  // namespace eventcollect
