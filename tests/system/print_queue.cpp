// Prints the events of a source, one a line, and takes them away: what else would a test ask a
// broker with? Ends when it is killed.
//
//   print_queue 'amqp://localhost/?queue=events'
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "eventcollect/drivers.hpp"
#include "eventcollect/open.hpp"
#include "eventcollect/pump.hpp"

using namespace eventcollect;

namespace {

struct StandardOutput final : Sink {
  void write(const Batch& batch) override {
    const auto lines = batch.ndjson();
    const bool written = std::fwrite(lines.data(), 1, lines.size(), stdout) == lines.size();
    if (!written || std::fflush(stdout) != 0) {
      throw SinkError{SinkError::unavailable, "cannot write to standard output"};
    }
  }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return EXIT_FAILURE;
  enable_drivers();
  try {
    StandardOutput output;
    PumpOptions options;
    options.max_age = std::chrono::milliseconds{0};
    options.on_failure = [](const std::exception& error, std::chrono::milliseconds) {
      std::fprintf(stderr, "%s\n", error.what());
    };
    pump(*open_source(argv[1]), output, options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
  }
  return EXIT_FAILURE;
}
