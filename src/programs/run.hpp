// What the programs have in common: signals, exit statuses, repetition.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "eventcollect/object_store.hpp"
#include "eventcollect/sink.hpp"
#include "eventcollect/source.hpp"
#include "eventcollect/url.hpp"
#include "programs/log.hpp"

namespace eventcollect::programs {

inline constexpr int exit_usage = 2;  // beside EXIT_SUCCESS and EXIT_FAILURE

// Takes over the signals, calls `body` and returns its exit status; for a ConfigError that it
// throws, says what is wrong and how to get help, and returns exit_usage. Call it before any thread
// is started.
int run_program(std::string_view name, const std::function<int()>& body);

// Calls `work` with a stop that is requested by a signal that ends the program; a second one ends
// the process at once. Logs what it throws, other than a ConfigError. Returns the exit status.
int run_until_signal(Log& log, const std::function<void(const std::stop_token&)>& work);

// Calls `work` once, or every so often until a stop: then a failure that may pass is logged, and
// the next round comes.
void repeat(const std::optional<std::chrono::milliseconds>& every, Log& log,
            const std::stop_token& stop, const std::function<void()>& work);

// Calls `open`, and names the option where that fails.
template <typename Open>
auto open_option(std::string_view option, Open open, const std::string& url) {
  try {
    return open(url);
  } catch (const ConfigError& error) {
    throw ConfigError{std::string{option} + ": " + error.what()};
  }
}

// Opens what the option of that name names, and names the option where that fails. The log has
// what an operator should know of the connection.
std::shared_ptr<Sink> open_sink_option(std::string_view option, const std::string& url, Log& log);
std::shared_ptr<Source> open_source_option(std::string_view option, const std::string& url);
std::shared_ptr<ObjectStore> open_store_option(std::string_view option, const std::string& url);

// What the URL of --dead-letter stands for: a default folder ("file:rejected") that exists under
// its former name only ("file:refused") is still used, and the log says so.
std::string dead_letter_url(const std::string& url, Log& log);

}  // namespace eventcollect::programs
