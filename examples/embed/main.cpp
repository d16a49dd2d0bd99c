// A backend that collects events of its own.
#include <chrono>
#include <iostream>

#include "eventcollect/eventcollect.hpp"

int main() {
  using namespace std::chrono_literals;
  const auto report = [](const eventcollect::Event& event, std::string_view why) {
    std::cerr << "lost " << event.name << ": " << why << '\n';
  };
  eventcollect::Collector events{eventcollect::open_sink("file:events"), {.on_lost = report}};

  const std::string key = "0193587e-9ab0-7cc0-8000-5f3a9c2b1d4e";  // of this payment, so that
  const auto paid = events.track("order_paid",                     // tracking it again is harmless
                                 {{"cents", 1999}, {"currency", "EUR"}}, {.event_id = key});
  if (!paid.wait_for(2s)) {
    std::cerr << "not durable yet: " << paid.reason() << '\n';
    return 1;
  }
  std::cout << "durable\n";
}
