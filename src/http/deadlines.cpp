#include "http/deadlines.hpp"

namespace eventcollect::http {

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
  client.deadline = now + timeouts_[static_cast<std::size_t>(wait)];
}

Client* Deadlines::next_due(Time now, bool none_idle) {
  for (const Wait wait : {Wait::idle, Wait::request, Wait::client, Wait::close}) {
    if (line(wait).empty()) continue;
    Client* first = line(wait).front();
    if (first->deadline <= now || (none_idle && wait == Wait::idle)) return first;
  }
  return nullptr;
}

Client* Deadlines::longest_idle(std::uint64_t newest) {
  for (Client* client : line(Wait::idle)) {
    if (client->id != newest) return client;
  }
  return nullptr;
}

}  // namespace eventcollect::http
