#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include "eventcollect/open.hpp"
#include "eventcollect/server.hpp"
#include "eventcollect/url.hpp"
#include "programs/log.hpp"
#include "programs/run.hpp"
#include "programs/signals.hpp"
#include "server/options.hpp"
#include "server/server.hpp"

namespace eventcollect {

using namespace programs;

namespace {

bool is_known_sink(const std::string& url) {
  const auto known = known_sinks();
  return std::find(known.begin(), known.end(), url.substr(0, url.find(':'))) != known.end();
}

int run(const server::Options& options) {
  Log log;
  try {
    // A misspelt scheme is found before anything is created for the other options.
    if (!is_known_sink(options.dead_letter))
      open_sink_option("--dead-letter", options.dead_letter, log);
    server::Server server{options, log};
    server.start();
    wait_for_end([&] { server.reload(); });
    return server.drain() ? EXIT_SUCCESS : EXIT_FAILURE;
  } catch (const ConfigError&) {
    throw;
  } catch (const std::exception& error) {
    log.say("error: {}", error.what());
    return EXIT_FAILURE;
  }
}

}  // namespace

int server_main(int argc, char** argv) {
  return run_program("eventcollect-server", [&] {
    const auto options = server::read_options(argc, argv);
    return options ? run(*options) : EXIT_SUCCESS;
  });
}

}  // namespace eventcollect
