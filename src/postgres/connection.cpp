#include "postgres/connection.hpp"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <utility>
#include <vector>

#include "eventcollect/url.hpp"

namespace eventcollect::postgres {
namespace {

using std::chrono::steady_clock;

// How we end a COPY that the server has already ended. Its answer repeats this only if we erred.
constexpr const char* stopped_early = "eventcollect stopped early";

// A message of libpq in one line.
std::string one_line(std::string_view text) {
  std::string line;
  line.reserve(text.size());
  for (const char c : text) {
    const bool is_space = std::isspace(static_cast<unsigned char>(c)) != 0;
    if (is_space && (line.empty() || line.back() == ' ')) continue;
    line.push_back(is_space ? ' ' : c);
  }
  while (line.ends_with(' ')) line.pop_back();
  return line;
}

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

using Options = std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)>;

std::string value_of(const Options& all, std::string_view keyword) {
  for (const PQconninfoOption* option = all.get(); option->keyword != nullptr; ++option) {
    if (option->keyword == keyword && option->val != nullptr) return option->val;
  }
  return {};
}

// A password with a bare '@', '/' or ':' moves into the other parts of a URL, and libpq shows those
// in its messages.
void check_for_stray_password(std::string_view host, std::string_view port,
                              std::string_view database) {
  const bool is_stray = host.find('@') != std::string_view::npos ||
                        database.find('@') != std::string_view::npos ||
                        port.find_first_not_of("0123456789,") != std::string_view::npos;
  if (is_stray) {
    throw ConfigError{
        "postgres: the host, the port or the database is none; in a password, write @ as %40, / as "
        "%2F and : as %3A"};
  }
}

// libpq heeds connect_timeout only where it blocks. Less than two seconds count as two, as there.
std::optional<std::chrono::seconds> connect_timeout(PGconn* connection) {
  const Options all{PQconninfo(connection), PQconninfoFree};  // environment variables included
  const std::string text = all ? value_of(all, "connect_timeout") : std::string{};
  int seconds = 0;
  std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (seconds <= 0) return std::nullopt;
  return std::chrono::seconds{std::max(seconds, 2)};
}

}  // namespace

std::string_view Outcome::text(int row, int column) const {
  return {PQgetvalue(last.get(), row, column),
          static_cast<std::size_t>(PQgetlength(last.get(), row, column))};
}

Connection::Connection(std::string conninfo) : conninfo_{std::move(conninfo)} {
  // What libpq says of a URI repeats it, password and all.
  const Options all{PQconninfoParse(conninfo_.c_str(), nullptr), PQconninfoFree};
  if (!all) {
    throw ConfigError{
        "postgres: libpq cannot read where to connect to; it looks like "
        "postgres://user@host:port/database?option=value or host=… dbname=…"};
  }
  check_for_stray_password(value_of(all, "host"), value_of(all, "port"), value_of(all, "dbname"));
}

void Connection::open() {
  close();
  constexpr std::array keywords{"dbname", "client_encoding", "fallback_application_name",
                                static_cast<const char*>(nullptr)};
  const std::array values{conninfo_.c_str(), "UTF8", "eventcollect",
                          static_cast<const char*>(nullptr)};
  connection_.reset(PQconnectStartParams(keywords.data(), values.data(), 1));
  if (!connection_) throw std::bad_alloc{};
  if (PQstatus(raw()) == CONNECTION_BAD) fail_to_open();
  PQsetErrorVerbosity(raw(), PQERRORS_VERBOSE);  // only so does a refusal come with its SQLSTATE
  PQsetNoticeReceiver(
      raw(), [](void*, const PGresult*) {}, nullptr);

  const Deadline whole = deadline_;
  if (const auto limit = connect_timeout(raw())) {
    deadline_ = std::min(whole, steady_clock::now() + *limit);
  }
  poll_connecting();
  deadline_ = whole;
  if (PQsetnonblocking(raw(), 1) != 0) lose();
}

void Connection::close() {
  connection_.reset();
  pending_.clear();
}

void Connection::poll_connecting() {
  for (PostgresPollingStatusType next = PGRES_POLLING_WRITING; next != PGRES_POLLING_OK;) {
    wait_for(next == PGRES_POLLING_READING ? POLLIN : POLLOUT);
    next = PQconnectPoll(raw());
    if (next == PGRES_POLLING_FAILED) fail_to_open();
  }
}

void Connection::fail_to_open() {
  std::string message = PQerrorMessage(raw());
  const std::string sqlstate{sqlstate_in(message)};
  const char* password = PQpass(raw());
  if (password != nullptr) replace_all(message, password, "…");
  message.resize(std::min(message.size(), message.find("\nLOCATION:")));
  close();
  throw SinkError{sqlstate.empty() ? SinkError::unavailable : kind_of(sqlstate),
                  "postgres: " + one_line(message)};
}

void Connection::lose() {
  std::string message = one_line(PQerrorMessage(raw()));
  close();
  throw ConnectionLost{fmt::format("postgres: the connection was lost: {}", message)};
}

short Connection::wait_for(short events) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - steady_clock::now());
    if (left.count() <= 0) {
      close();
      throw SinkError{SinkError::unavailable, "postgres: the server did not answer in time"};
    }
    pollfd waiting{PQsocket(raw()), events, 0};
    const int most = static_cast<int>(std::min<std::int64_t>(left.count(), 60'000));
    const int ready = poll(&waiting, 1, most);
    if (ready > 0) return waiting.revents;
    if (ready < 0 && errno != EINTR) lose();
  }
}

bool Connection::flush() {
  bool has_spoken = false;
  for (;;) {
    const int left = PQflush(raw());
    if (left < 0) lose();
    if (left == 0) return has_spoken;
    // A server that cannot get rid of what it has to say takes nothing either.
    if ((wait_for(POLLIN | POLLOUT) & POLLIN) == 0) continue;
    has_spoken = true;
    if (PQconsumeInput(raw()) == 0) lose();
  }
}

Result Connection::next_result() {
  while (PQisBusy(raw()) != 0) {
    wait_for(POLLIN);
    if (PQconsumeInput(raw()) == 0) lose();
  }
  return Result{PQgetResult(raw())};
}

void Connection::send(std::string_view statements) {
  const std::string all = std::exchange(pending_, {}).append(statements);
  if (PQsendQuery(raw(), all.c_str()) == 0) lose();
  flush();
}

// Adds a result to the outcome. False if it is one of a COPY, to which data has to be sent.
bool Connection::take(Result result, Outcome& outcome) {
  switch (PQresultStatus(result.get())) {
    case PGRES_COPY_IN:
      return false;
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
    case PGRES_EMPTY_QUERY:
      outcome.last = std::move(result);
      return true;
    default:
      if (outcome.error) return true;  // the first says what was wrong
      outcome.error = ServerError::of(result.get());
      return true;
  }
}

// The rest of what the server says to the statements that were sent.
Outcome Connection::finish(Outcome outcome) {
  while (Result result = next_result()) take(std::move(result), outcome);
  // libpq's own errors have no SQLSTATE, and after a fatal one nobody is there any more.
  const bool is_libpqs = outcome.error && outcome.error->sqlstate.empty();
  if (PQstatus(raw()) == CONNECTION_OK && !is_libpqs) return outcome;
  if (!outcome.error || is_libpqs) lose();
  close();
  throw ConnectionLost{fmt::format("postgres: the server ended the connection: {} (SQLSTATE {})",
                                   outcome.error->message, outcome.error->sqlstate)};
}

Outcome Connection::run(std::string_view statements) {
  send(statements);
  return finish({});
}

Outcome Connection::run(const std::string& statement, std::span<const std::string> parameters) {
  if (!pending_.empty()) {
    Outcome before = run("");
    if (before.error) return before;
  }
  std::vector<const char*> values;
  values.reserve(parameters.size());
  for (const std::string& parameter : parameters) values.push_back(parameter.c_str());
  if (PQsendQueryParams(raw(), statement.c_str(), static_cast<int>(values.size()), nullptr,
                        values.data(), nullptr, nullptr, 0) == 0) {
    lose();
  }
  flush();
  return finish({});
}

Outcome Connection::copy(std::string_view statements, CopySource& source) {
  send(statements);
  Outcome outcome;
  for (bool is_copying = false; !is_copying;) {
    Result result = next_result();
    if (!result || outcome.error) return finish(std::move(outcome));
    is_copying = !take(std::move(result), outcome);
  }
  bool is_whole = true;
  for (std::string_view piece = source.next(); is_whole && !piece.empty(); piece = source.next()) {
    is_whole = put(piece);
  }
  if (PQputCopyEnd(raw(), is_whole ? nullptr : stopped_early) != 1) lose();
  flush();
  outcome = finish({});
  if (outcome.error && outcome.error->message.find(stopped_early) != std::string::npos) {
    // What the server said was no error, but, say, a changed setting: run it again without haste.
    may_stop_early_ = false;
    outcome.error->sqlstate = "40001";
  }
  return outcome;
}

// Sends a piece of a COPY. False if the server has something to say before it has everything: that
// it found a fault, since notices are switched off in our transactions.
bool Connection::put(std::string_view piece) {
  if (PQputCopyData(raw(), piece.data(), static_cast<int>(piece.size())) != 1) lose();
  const bool has_spoken = flush();
  pollfd waiting{PQsocket(raw()), POLLIN, 0};
  return !may_stop_early_ || (!has_spoken && poll(&waiting, 1, 0) == 0);
}

std::string quoted_name(std::string_view name) {
  std::string quoted{'"'};
  for (const char c : name) quoted.append(c == '"' ? 2 : 1, c);
  quoted.push_back('"');
  return quoted;
}

std::string quoted_literal(std::string_view text) {
  std::string quoted{"E'"};
  for (const char c : text) quoted.append(c == '\'' || c == '\\' ? 2 : 1, c);
  quoted.push_back('\'');
  return quoted;
}

}  // namespace eventcollect::postgres
