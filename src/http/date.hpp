// The Date field of answers (RFC 9110, section 5.6.7).
#pragma once

#include <array>
#include <chrono>
#include <string_view>

namespace eventcollect::http {

// Composed once a second, however many answers ask for it. One thread at a time.
class Date {
 public:
  using Time = std::chrono::sys_seconds;

  explicit Date(Time now) { compose(now); }

  void update(Time now) {
    if (now != now_) compose(now);
  }

  // "Sun, 06 Nov 1994 08:49:37 GMT". Lasts until the next update().
  std::string_view text() const { return {text_.data(), text_.size()}; }

 private:
  void compose(Time now);

  Time now_{};
  std::array<char, 29> text_{};
};

}  // namespace eventcollect::http
