// Takes the events of a source to a sink until the source has had none for a while, and prints
// after each batch how many that makes. What would be a dead letter ends it.
//
//   pump_events --from 'amqp://localhost/?queue=events' --to 'postgres://localhost/' [--max-events
//   100]
#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>

#include "eventcollect/drivers.hpp"
#include "eventcollect/open.hpp"
#include "eventcollect/pump.hpp"

using namespace eventcollect;

namespace {

// A source that ends when it was waited for in vain for `timeout`.
class UntilQuiet final : public Source {
 public:
  UntilQuiet(Source& source, std::chrono::milliseconds timeout)
      : source_{source}, timeout_{timeout} {}

  bool read(Delivery& delivery, const ReadLimits& limits) override {
    const bool has_more = source_.read(delivery, limits);
    waited_ = delivery.empty() ? waited_ + limits.wait : std::chrono::milliseconds{0};
    return has_more && waited_ < timeout_;
  }
  void acknowledge(const Delivery& delivery) override { source_.acknowledge(delivery); }

 private:
  Source& source_;
  const std::chrono::milliseconds timeout_;
  std::chrono::milliseconds waited_{0};
};

}  // namespace

int main(int argc, char** argv) {
  std::string from;
  std::string to;
  PumpOptions options;
  CLI::App app{"Takes the events of a source to a sink until no more come."};
  app.add_option("--from", from)->required();
  app.add_option("--to", to)->required();
  app.add_option("--max-events", options.max_events);
  CLI11_PARSE(app, argc, argv);

  options.max_age = std::chrono::milliseconds{0};
  options.on_failure = [](const std::exception& error, std::chrono::milliseconds) {
    std::fprintf(stderr, "%s\n", error.what());
  };
  options.on_batch = [](const PumpStatistics& statistics) {
    std::printf("%llu\n", static_cast<unsigned long long>(statistics.events));
    std::fflush(stdout);
  };
  enable_drivers();
  try {
    const auto source = open_source(from);
    UntilQuiet until_quiet{*source, std::chrono::seconds{2}};
    pump(until_quiet, *open_sink(to), options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return EXIT_FAILURE;
  }
  return EXIT_SUCCESS;
}
