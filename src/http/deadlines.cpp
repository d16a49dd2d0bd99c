#include "http/deadlines.hpp"

namespace eventcollect::http {
namespace {

// Those that we end, while the answer to a request is ours to give.
constexpr std::array ended_waits{Wait::idle, Wait::request, Wait::client, Wait::close};

}  // namespace

Deadlines::Deadlines(const Limits& limits)
    : timeouts_{limits.idle_timeout, limits.request_timeout, std::chrono::milliseconds{0},
                limits.write_timeout, limits.drain_timeout} {}

void Deadlines::add(Client& client, Time now) {
  client.line = client.connection.wait();
  client.place = line(client.line).insert(line(client.line).end(), &client);
  update(client, now);
}

void Deadlines::update(Client& client, Time now) {
  const Connection& connection = client.connection;
  if (client.waits_begun == connection.waits_begun()) return;
  const Wait wait = connection.wait();
  line(wait).splice(line(wait).end(), line(client.line), client.place);
  client.line = wait;
  client.waits_begun = connection.waits_begun();
  client.waits_since = now;
}

Client* Deadlines::next_due(Time now, bool none_idle) {
  for (const Wait wait : ended_waits) {
    if (line(wait).empty()) continue;
    Client* first = line(wait).front();
    if (first->waits_since + timeout(wait) <= now || (none_idle && wait == Wait::idle))
      return first;
  }
  return nullptr;
}

Client* Deadlines::longest_but(std::uint64_t newest) {
  Client* longest = nullptr;
  for (const Wait wait : ended_waits) {
    for (Client* client : line(wait)) {
      if (client->id == newest) continue;
      if (longest == nullptr || client->waits_since < longest->waits_since) longest = client;
      break;
    }
  }
  return longest;
}

}  // namespace eventcollect::http
