// A connected TCP socket that does not block.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace eventcollect::amqp1 {

using SteadyTime = std::chrono::steady_clock::time_point;
inline constexpr SteadyTime at_once{};  // a deadline that is over

// One thread at a time.
class Socket {
 public:
  // Tries the addresses of the host one after the other. Throws ConnectionLost.
  Socket(const std::string& host, std::uint16_t port, SteadyTime deadline);
  ~Socket();
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  int descriptor() const { return descriptor_; }

  // Waits until it can be read, or written if that is of use, or the time is over.
  void wait(bool for_reading, bool for_writing, SteadyTime until) const;

 private:
  int descriptor_ = -1;
};

}  // namespace eventcollect::amqp1
