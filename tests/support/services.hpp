// The real servers, which tests/services.py starts and the environment names.
//
//   TEST_CASE("events arrive") {
//     const auto url = service_url("POSTGRES");          // EVENTCOLLECT_TEST_POSTGRES
//     if (!url) return;                                  // reported as a skip, under CI a failure
//     CuttingProxy proxy{"127.0.0.1", port_of(*url)};
//     const auto sink = open_sink(url_through(*url, proxy.port()));
//     …
//     const ServiceOutage outage{"postgres"};            // killed; started again when it goes
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace eventcollect::test {

// Counts the test cases that ended early for want of a server: main() then returns 77.
inline int& skipped_tests() {
  static int count = 0;
  return count;
}

// The value of EVENTCOLLECT_TEST_`name`. Nothing where it is not set, which is a failure under CI.
inline std::optional<std::string> service_url(std::string_view name) {
  const std::string variable = "EVENTCOLLECT_TEST_" + std::string{name};
  const char* value = std::getenv(variable.c_str());
  if (value != nullptr && *value != '\0') return value;
  if (std::getenv("CI") != nullptr) FAIL(variable << " is not set: see tests/services.py");
  MESSAGE("skipped: " << variable << " is not set: see tests/services.py");
  ++skipped_tests();
  return {};
}

// Runs `services.py ARGUMENTS` on the running services. Needs EVENTCOLLECT_TEST_SERVICES.
inline void tell_services(const std::string& arguments) {
  const char* command = std::getenv("EVENTCOLLECT_TEST_SERVICES");
  REQUIRE(command != nullptr);
  CAPTURE(arguments);
  REQUIRE(std::system((std::string{command} + " " + arguments).c_str()) == 0);
}

// SIGKILLs a server (postgres, pgbouncer, rabbitmq), and starts it again with the same data on the
// same port. Both return when it is done.
inline void kill_service(const std::string& name) { tell_services("kill " + name); }
inline void start_service(const std::string& name) { tell_services("start " + name); }

// A server that is down, killed, for as long as this lives.
class ServiceOutage {
 public:
  explicit ServiceOutage(std::string name) : name_{std::move(name)} { kill_service(name_); }
  ~ServiceOutage() { end(); }
  ServiceOutage(const ServiceOutage&) = delete;
  ServiceOutage& operator=(const ServiceOutage&) = delete;

  // Starts it again now.
  void end() noexcept {
    try {
      if (!name_.empty()) start_service(name_);
    } catch (...) {
      // doctest has noted the failure; a destructor must not throw.
    }
    name_.clear();
  }

 private:
  std::string name_;
};

// Where HOST:PORT begins and ends in a URL of a service; both are always there.
inline std::pair<std::size_t, std::size_t> port_place(const std::string& url) {
  const std::size_t slashes = url.find("//");
  REQUIRE(slashes != std::string::npos);
  const std::size_t end = std::min(url.find_first_of("/?", slashes + 2), url.size());
  const std::size_t colon = url.rfind(':', end);
  REQUIRE(colon > slashes);
  return {colon + 1, end};
}

inline std::uint16_t port_of(const std::string& url) {
  const auto place = port_place(url);
  return static_cast<std::uint16_t>(std::stoul(url.substr(place.first, place.second)));
}

// The same URL with another port.
inline std::string url_through(std::string url, std::uint16_t port) {
  const auto place = port_place(url);
  return url.replace(place.first, place.second - place.first, std::to_string(port));
}

}  // namespace eventcollect::test
