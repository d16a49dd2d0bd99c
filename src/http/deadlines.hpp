// The time limits of a loop's clients.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <list>

#include "http/client.hpp"

namespace eventcollect::http {

// A line of clients for each kind of wait. All in a line have the same time limit, and so stand in
// the order of their deadlines. One thread at a time.
class Deadlines {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit Deadlines(const Limits& limits);

  void add(Client& client, Time now);
  void remove(Client& client) { line(client.line).erase(client.place); }

  // Begins the time of what the client waits for, if that is new. `now` must not go back.
  void update(Client& client, Time now);

  // The next client whose time has passed, or that is idle where `none_idle`; null for none.
  Client* next_due(Time now, bool none_idle);

  // The client that has been waiting like this longest. Null for none.
  Client* longest(Wait wait) { return line(wait).empty() ? nullptr : line(wait).front(); }
  bool are_several(Wait wait) { return line(wait).size() > 1; }

  // The client that has been waiting longest in any way but for our answer, except for the newest
  // one, which may be about to ask for something. Null for none.
  Client* longest_but(std::uint64_t newest);

 private:
  using Line = std::list<Client*>;

  Line& line(Wait wait) { return lines_[static_cast<std::size_t>(wait)]; }

  std::chrono::milliseconds timeout(Wait wait) const {
    return timeouts_[static_cast<std::size_t>(wait)];
  }

  const std::array<std::chrono::milliseconds, wait_kinds> timeouts_;
  std::array<Line, wait_kinds> lines_;
};

}  // namespace eventcollect::http
