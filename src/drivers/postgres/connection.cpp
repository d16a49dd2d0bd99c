#include "drivers/postgres/connection.hpp"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <utility>
#include <vector>

namespace eventcollect::postgres {
namespace {

using std::chrono::steady_clock;

// How we end a COPY that the server has already ended. Its answer repeats this only if we erred.
constexpr const char* stopped_early = "eventcollect stopped early";

}  // namespace

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

std::string_view Outcome::text(int row, int column) const {
  return {PQgetvalue(last.get(), row, column),
          static_cast<std::size_t>(PQgetlength(last.get(), row, column))};
}

std::size_t Outcome::rows() const {
  const std::string_view text = PQcmdTuples(last.get());
  std::size_t count = 0;
  std::from_chars(text.data(), text.data() + text.size(), count);
  return count;
}

void Connection::close() {
  connection_.reset();
  pending_.clear();
}

void Connection::lose() {
  std::string message = one_line(PQerrorMessage(raw()));
  close();
  throw ConnectionLost{fmt::format("postgres: the connection was lost: {}", message)};
}

short Connection::wait_for(short events) {
  const short ready = poll_until(deadline_, events);
  if (ready != 0) return ready;
  close();
  throw Error{Error::unavailable, "postgres: the server did not answer in time"};
}

// Which of these events came; 0 at the deadline.
short Connection::poll_until(Deadline deadline, short events) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - steady_clock::now());
    if (left.count() <= 0) return 0;
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
  // libpq's own errors have no SQLSTATE, and after a fatal one the server has gone.
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

std::string array_literal(std::span<const std::string> texts) {
  std::string literal{'{'};
  for (const std::string& text : texts) {
    if (literal.size() > 1) literal.push_back(',');
    literal.push_back('"');
    for (const char c : text) {
      if (c == '"' || c == '\\') literal.push_back('\\');
      literal.push_back(c);
    }
    literal.push_back('"');
  }
  literal.push_back('}');
  return literal;
}

}  // namespace eventcollect::postgres
