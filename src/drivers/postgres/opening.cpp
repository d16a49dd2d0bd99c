// How a connection to one of several hosts is made, each having its part of the time.
#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <new>
#include <optional>

#include "drivers/postgres/connection.hpp"
#include "drivers/postgres/host_list.hpp"
#include "eventcollect/url.hpp"

namespace eventcollect::postgres {
namespace {

using std::chrono::steady_clock;

// The SQLSTATE in a verbose message: "FATAL:  28P01: password authentication failed …".
std::string_view sqlstate_in(std::string_view message) {
  const auto is_code = [](std::string_view text) {
    return std::all_of(text.begin(), text.end(),
                       [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z'); });
  };
  for (std::size_t at = message.find(":  "); at != std::string_view::npos;
       at = message.find(":  ", at + 1)) {
    const std::string_view code = message.substr(at + 3, 5);
    if (code.size() == 5 && is_code(code) && message.substr(at + 8, 2) == ": ") return code;
  }
  return {};
}

void replace_all(std::string& text, std::string_view what, std::string_view by) {
  if (what.empty()) return;
  for (std::size_t at = text.find(what); at != std::string::npos;
       at = text.find(what, at + by.size())) {
    text.replace(at, what.size(), by);
  }
}

// Whether the path of a URI holds a bare '@'.
bool has_at_in_path(std::string_view conninfo) {
  const std::size_t authority = conninfo.find("://");
  if (authority == std::string_view::npos) return false;
  const std::size_t path = conninfo.find_first_of("/?", authority + 3);
  if (path == std::string_view::npos) return false;
  return conninfo.substr(path, conninfo.find('?', path) - path).find('@') != std::string_view::npos;
}

// A password with a bare '@', '/' or ':' moves into the other parts of a URL, one behind a value
// with an odd quote into that value, and libpq shows those in its messages.
void check_for_stray_password(std::string_view conninfo, const ConnectionOptions& all) {
  const auto holds = [&](std::string_view option, std::string_view signs) {
    return value_of(all, option).find_first_of(signs) != std::string::npos;
  };
  const bool is_stray = has_at_in_path(conninfo) || holds("host", "@=") || holds("dbname", "=") ||
                        holds("user", "=") ||
                        value_of(all, "port").find_first_not_of("0123456789,") != std::string::npos;
  if (is_stray) {
    throw ConfigError{
        "postgres: the host, the port, the user or the database is malformed; in the password of a "
        "URL, write @ as %40, / as %2F and : as %3A"};
  }
}

// libpq heeds connect_timeout only where it blocks. Less than two seconds count as two, as there.
std::optional<std::chrono::seconds> connect_timeout(PGconn* connection) {
  const ConnectionOptions all{PQconninfo(connection),
                              PQconninfoFree};  // environment variables included
  const std::string text = all ? value_of(all, "connect_timeout") : std::string{};
  int seconds = 0;
  std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (seconds <= 0) return std::nullopt;
  return std::chrono::seconds{std::max(seconds, 2)};
}

std::string current_host(PGconn* connection) {
  return fmt::format("{}:{}", PQhost(connection), PQport(connection));
}

}  // namespace

Connection::Connection(std::string conninfo) : conninfo_{std::move(conninfo)} {
  // What libpq says of a URI repeats it, password and all.
  const ConnectionOptions all{PQconninfoParse(conninfo_.c_str(), nullptr), PQconninfoFree};
  if (!all) {
    throw ConfigError{
        "postgres: libpq cannot read where to connect to; it looks like "
        "postgres://user@host:port/database?option=value or host=… dbname=…"};
  }
  check_for_stray_password(conninfo_, all);
}

void Connection::open() {
  close();
  std::optional<HostList> untried;
  std::string silent_hosts;
  while (!connect(untried, silent_hosts)) {
  }
  if (PQsetnonblocking(raw(), 1) != 0) lose();
}

// Begins to connect to these hosts; to all, if they are none.
void Connection::start(const HostList& hosts) {
  const std::string host = hosts.host();
  const std::string hostaddr = hosts.hostaddr();
  const std::string port = hosts.port();
  // What is empty is no option to libpq, and of two it takes the last.
  constexpr std::array keywords{"dbname",
                                "client_encoding",
                                "fallback_application_name",
                                "host",
                                "hostaddr",
                                "port",
                                static_cast<const char*>(nullptr)};
  const std::array values{conninfo_.c_str(),
                          "UTF8",
                          "eventcollect",
                          host.c_str(),
                          hostaddr.c_str(),
                          port.c_str(),
                          static_cast<const char*>(nullptr)};
  connection_.reset(PQconnectStartParams(keywords.data(), values.data(), 1));
  if (!connection_) throw std::bad_alloc{};
}

// Tries these hosts, or all. False if one did not answer in its part of the time: those behind it
// are left in `untried`.
bool Connection::connect(std::optional<HostList>& untried, std::string& silent_hosts) {
  start(untried.value_or(HostList{}));
  if (PQstatus(raw()) == CONNECTION_BAD) fail_to_open(silent_hosts);
  PQsetErrorVerbosity(raw(), PQERRORS_VERBOSE);  // only so does a rejection come with its SQLSTATE
  PQsetNoticeReceiver(
      raw(), [](void*, const PGresult*) {}, nullptr);

  if (!untried) untried = HostList::of(raw());
  std::string host;
  Deadline until{};
  for (PostgresPollingStatusType next = PGRES_POLLING_WRITING; next != PGRES_POLLING_OK;) {
    // libpq goes on by itself from a host that rejects, but not from one that is silent.
    if (host != current_host(raw())) {
      host = current_host(raw());
      until = end_of_turn(untried->size());
      if (untried->size() > 0) untried->remove_current(raw());
    }
    if (poll_until(until, next == PGRES_POLLING_READING ? POLLIN : POLLOUT) == 0) {
      silent_hosts += host + " did not answer in time";
      if (untried->size() == 0) {
        close();
        throw Error{Error::unavailable, "postgres: " + silent_hosts};
      }
      silent_hosts += "; ";
      return false;
    }
    next = PQconnectPoll(raw());
    if (next == PGRES_POLLING_FAILED) fail_to_open(silent_hosts);
  }
  return true;
}

// Until when the first of `hosts` has to answer. The others have as long, and so has what the
// connection is for.
Deadline Connection::end_of_turn(std::size_t hosts) const {
  const Deadline now = steady_clock::now();
  Deadline end = deadline_;
  if (hosts > 1) end = now + (deadline_ - now) / static_cast<int>(hosts + 1);
  if (const auto limit = connect_timeout(raw())) end = std::min(end, now + *limit);
  return end;
}

void Connection::fail_to_open(const std::string& silent_hosts) {
  std::string message = PQerrorMessage(raw());
  const std::string sqlstate{sqlstate_in(message)};
  const char* password = PQpass(raw());
  if (password != nullptr) replace_all(message, password, "…");
  message.resize(std::min(message.size(), message.find("\nLOCATION:")));
  close();
  throw Error{sqlstate.empty() ? Error::unavailable : kind_of(sqlstate),
              fmt::format("postgres: {}{}", silent_hosts, one_line(message))};
}

}  // namespace eventcollect::postgres
