// A bound on the bytes that many connections buffer together.
#pragma once

#include <atomic>
#include <cstddef>

namespace eventcollect::http {

// Safe from any thread.
class ByteBudget {
 public:
  // Beyond `max_bytes` room has to be made, for which `slack_bytes` more can be taken meanwhile.
  explicit ByteBudget(std::size_t max_bytes, std::size_t slack_bytes = 0)
      : max_bytes_{max_bytes}, slack_bytes_{slack_bytes} {}

  // False, and nothing is taken, where that would pass the bound and its slack.
  bool take(std::size_t bytes) {
    std::size_t used = used_;
    do {
      if (bytes > max_bytes_ + slack_bytes_ - used) return false;
    } while (!used_.compare_exchange_weak(used, used + bytes));
    return true;
  }

  void give_back(std::size_t bytes) { used_ -= bytes; }

  std::size_t used() const { return used_; }
  bool is_over() const { return used_ > max_bytes_; }

 private:
  const std::size_t max_bytes_;
  const std::size_t slack_bytes_;
  std::atomic<std::size_t> used_{0};
};

// The share of a budget that one buffer has taken. One thread at a time.
class ByteShare {
 public:
  explicit ByteShare(ByteBudget& budget) : budget_{budget} {}
  ~ByteShare() { resize(0); }
  ByteShare(const ByteShare&) = delete;
  ByteShare& operator=(const ByteShare&) = delete;

  // False, and nothing changes, where the budget has not so much left.
  bool resize(std::size_t bytes) {
    if (bytes > bytes_ && !budget_.take(bytes - bytes_)) return false;
    if (bytes < bytes_) budget_.give_back(bytes_ - bytes);
    bytes_ = bytes;
    return true;
  }
  bool grow(std::size_t bytes) { return resize(bytes_ + bytes); }

  std::size_t bytes() const { return bytes_; }

 private:
  ByteBudget& budget_;
  std::size_t bytes_ = 0;
};

}  // namespace eventcollect::http
