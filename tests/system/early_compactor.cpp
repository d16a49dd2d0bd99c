// Compacts again and again (or once), with a clock that is ahead: so hours are compacted while they
// are still written to. The clock of the process stays right, since S3 rejects requests that are
// signed in the future.
//
//   early_compactor URL SECONDS_AHEAD [once]
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <stop_token>
#include <string>
#include <thread>

#include "eventcollect/compact.hpp"
#include "eventcollect/drivers.hpp"
#include "eventcollect/objects.hpp"

namespace {

using namespace eventcollect;
using namespace std::chrono_literals;

class EarlyClock final : public Clock {
 public:
  explicit EarlyClock(std::chrono::seconds ahead) : ahead_{ahead} {}
  TimePoint now() const override { return system_clock().now() + ahead_; }

 private:
  std::chrono::seconds ahead_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  sigset_t ending{};
  sigemptyset(&ending);
  sigaddset(&ending, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &ending, nullptr);
  enable_drivers();
  const bool once = argc > 3;
  const EarlyClock clock{std::chrono::seconds{std::atoi(argv[2])}};
  CompactOptions options{.grace = 0ms, .clock = &clock};
  options.on_failure = [](TimePoint, const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
  };
  options.on_hour = [](const CompactedHour& hour) {
    std::fprintf(stderr, "%s: %llu raw objects, %llu events in %llu hourly objects\n",
                 format_rfc3339(hour.hour).substr(0, 13).c_str(),
                 static_cast<unsigned long long>(hour.raw_objects),
                 static_cast<unsigned long long>(hour.events),
                 static_cast<unsigned long long>(hour.hourly_objects));
  };
  for (;;) {
    try {
      const auto done = compact(*open_store(argv[1]), options);
      if (once) return done.failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
    } catch (const Error& error) {  // the store may be down for a while
      std::fprintf(stderr, "%s\n", error.what());
      if (once) return EXIT_FAILURE;
    }
    const timespec pause{.tv_sec = 0, .tv_nsec = 500'000'000};
    if (sigtimedwait(&ending, nullptr, &pause) == SIGTERM) return EXIT_SUCCESS;
  }
}
