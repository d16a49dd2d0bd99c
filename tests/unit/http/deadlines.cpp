#include "http/deadlines.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <vector>

#include "http/shared.hpp"

namespace eventcollect::http {
namespace {

using namespace std::chrono_literals;

struct NoHandler final : Handler {
  std::optional<Answer> before_body(const Request&) override { return {}; }
  std::size_t max_body_bytes() const override { return 0; }
  Response too_large(const Request&) override { return {}; }
  void handle(const Request&, std::function<void(Response)>) override {}
};

// Clients without sockets, and a clock that the test sets.
struct Setup {
  Client& add() {
    clients.push_back(std::make_unique<Client>(none, clients.size() + 1, "192.0.2.1", context));
    deadlines.add(*clients.back(), now);
    return *clients.back();
  }

  void receive(Client& client, std::string_view bytes) {
    client.connection.begin_turn(bytes, {});
    client.connection.end_turn();
    deadlines.update(client, now);
  }

  Client* next_due(bool none_idle = false) { return deadlines.next_due(now, none_idle); }

  Socket none;
  NoHandler handler;
  Shared shared{handler, 1, {.idle_timeout = 60s, .request_timeout = 30s}};
  Date date{{}};
  ConnectionContext context{shared.limits, shared.buffered, shared.unsent, shared.counters, date};
  std::vector<std::unique_ptr<Client>> clients;
  Deadlines deadlines{shared.limits};
  Deadlines::Time now{};
};

TEST_CASE("a client is due when the time of what it waits for has passed") {
  Setup setup;
  Client& idle = setup.add();
  setup.now += 1s;
  Client& begun = setup.add();
  setup.receive(begun, "G");
  setup.now += 30s - 1ms;
  CHECK(setup.next_due() == nullptr);
  setup.receive(begun, "E");  // which gives it no more time
  setup.now += 1ms;
  CHECK(setup.next_due() == &begun);
  setup.deadlines.remove(begun);
  CHECK(setup.next_due() == nullptr);
  setup.now += 29s;
  CHECK(setup.next_due() == &idle);
}

TEST_CASE("while no client may be idle, idle clients are due at once, and others are not") {
  Setup setup;
  Client& begun = setup.add();
  setup.receive(begun, "G");
  CHECK(setup.next_due(true) == nullptr);
  Client& idle = setup.add();
  CHECK(setup.next_due(true) == &idle);
  CHECK(setup.next_due(false) == nullptr);
}

TEST_CASE("the client that waits longest is found, idle or not, but not the newest one") {
  Setup setup;
  CHECK(setup.deadlines.longest_but(1) == nullptr);
  Client& first = setup.add();
  CHECK(setup.deadlines.longest_but(first.id) == nullptr);
  CHECK(setup.deadlines.longest_but(0) == &first);
  setup.now += 1s;
  Client& second = setup.add();
  setup.now += 1s;
  Client& third = setup.add();
  CHECK(setup.deadlines.longest_but(third.id) == &first);
  setup.now += 1s;
  setup.receive(first, "G");
  CHECK(setup.deadlines.longest(Wait::request) == &first);
  CHECK_FALSE(setup.deadlines.are_several(Wait::request));
  CHECK(setup.deadlines.longest_but(third.id) == &second);
  setup.now += 1s;
  setup.receive(second, "G");
  CHECK(setup.deadlines.longest(Wait::request) == &first);
  CHECK(setup.deadlines.are_several(Wait::request));
  CHECK(setup.deadlines.longest_but(third.id) == &first);
  CHECK(setup.deadlines.longest_but(0) == &third);
}

}  // namespace
}  // namespace eventcollect::http
