#include "programs/run.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <thread>

#include "base/folder_in_use.hpp"
#include "base/printable.hpp"
#include "eventcollect/objects.hpp"
#include "eventcollect/open.hpp"
#include "eventcollect/timer.hpp"
#include "eventcollect/url.hpp"
#include "programs/encryption_notice.hpp"
#include "programs/signals.hpp"

namespace eventcollect::programs {

using base::folder_in_use;
using base::FolderInUse;

namespace {

// Calls `work`. The message of a failure that may pass by itself, or nothing.
std::optional<std::string> passing_failure_of(const std::function<void()>& work) {
  try {
    work();
    return {};
  } catch (const Error& error) {
    if (error.kind() == Error::misconfigured) throw;
    return error.what();
  }
}

// What is opened later would take the place of a standard stream that is closed, and what we print
// would go into a file of events or to a client. The lowest free number is what open() gives.
void open_missing_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(stream, F_GETFD) < 0) ::open("/dev/null", O_RDWR);
  }
}

}  // namespace

int run_program(std::string_view name, const std::function<int()>& body) {
  open_missing_streams();
  take_over_signals();
  try {
    return body();
  } catch (const ConfigError& error) {
    fmt::print(stderr, "{}: {}\nTry {} --help.\n", name, base::printable(error.what()), name);
    return exit_usage;
  }
}

int run_until_signal(Log& log, const std::function<void(const std::stop_token&)>& work) {
  try {
    std::stop_source source;
    // It is not joined: at the end of the process it has nothing left to do.
    std::thread{[source]() mutable {
      wait_for_end([] {});  // there is nothing to reload
      exit_at_next_signal();
      source.request_stop();
    }}.detach();
    work(source.get_token());
    return EXIT_SUCCESS;
  } catch (const ConfigError&) {
    throw;
  } catch (const std::exception& error) {
    log.say("error: {}", error.what());
    return EXIT_FAILURE;
  }
}

void repeat(const std::optional<std::chrono::milliseconds>& every, Log& log,
            const std::stop_token& stop, const std::function<void()>& work) {
  if (!every) return work();
  do {
    const auto failure = passing_failure_of(work);
    if (failure) log.say_seldom("failure", "error: {}", *failure);
  } while (steady_timer().wait(*every, stop));
}

std::shared_ptr<Sink> open_sink_option(std::string_view option, const std::string& url, Log& log) {
  auto sink = open_option(option, open_sink, url);
  const std::string notice = encryption_notice(url);
  if (!notice.empty()) log.say("{}: {}", option, notice);
  return sink;
}

std::shared_ptr<Source> open_source_option(std::string_view option, const std::string& url) {
  return open_option(option, open_source, url);
}

std::shared_ptr<ObjectStore> open_store_option(std::string_view option, const std::string& url) {
  return open_option(option, open_store, url);
}

std::string dead_letter_url(const std::string& url, Log& log) {
  constexpr std::string_view scheme = "file:";
  for (const std::string_view program : {"", "archive-"}) {
    const std::string path = fmt::format("{}rejected", program);
    const std::string begin = fmt::format("{}{}", scheme, path);
    const bool is_default = url == begin || url.starts_with(begin + '?');
    if (!is_default) continue;
    const FolderInUse folder = folder_in_use(path, fmt::format("{}refused", program));
    if (!folder.notice.empty()) log.say("{}", folder.notice);
    return fmt::format("{}{}{}", scheme, folder.path, url.substr(begin.size()));
  }
  return url;
}

}  // namespace eventcollect::programs
