// The options of eventcollect-server: a flag goes before the environment, that before the file, and
// that before the default.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "eventcollect/collector.hpp"
#include "eventcollect/endpoint.hpp"
#include "http/host_port.hpp"
#include "http/limits.hpp"

namespace eventcollect::server {

struct Options {
  http::HostPort listen;
  std::optional<http::HostPort> admin;
  bool live = false;  // the live page, at `admin`
  std::string live_token;
  std::vector<std::string> to;
  std::string spool;  // a directory, or empty for none
  std::uint64_t spool_max_bytes = 0;
  std::string dead_letter;
  std::string page;  // a file, or empty for the built-in one
  std::chrono::milliseconds drain_delay{};
  std::chrono::milliseconds drain_timeout{};
  std::size_t threads = 0;
  http::Limits http;
  CollectorOptions collector;
  EndpointOptions endpoint;
};

// Reads the command line, the environment (EVENTCOLLECT_LISTEN and so on) and the file that
// --config names. Throws ConfigError for what is wrong in any of them. Prints what --help or
// --version asks for, and then returns nothing.
std::optional<Options> read_options(int argc, char** argv);

}  // namespace eventcollect::server
