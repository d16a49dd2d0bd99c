#include "drivers/mysql/connection.hpp"

#include <errmsg.h>
#include <fmt/format.h>
#include <mysqld_error.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace eventcollect::mysql {

using std::chrono::steady_clock;

void Connection::close() {
  // Without this a server that takes nothing any more could hold up the farewell.
  if (connection_ && is_too_late_) ::shutdown(mysql_get_socket(connection_.get()), SHUT_RDWR);
  connection_.reset();
  prepared_.clear();
}

// Which of these events came, in libmariadb's words. Its timeout, by which it gives up, is ours.
int Connection::wait_for(int events) {
  const int socket = static_cast<int>(mysql_get_socket(connection_.get()));
  const auto asked = static_cast<short>(((events & MYSQL_WAIT_READ) != 0 ? POLLIN : 0) |
                                        ((events & MYSQL_WAIT_WRITE) != 0 ? POLLOUT : 0) |
                                        ((events & MYSQL_WAIT_EXCEPT) != 0 ? POLLPRI : 0));
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - steady_clock::now());
    if (left.count() <= 0) {
      is_too_late_ = true;
      ::shutdown(socket, SHUT_RDWR);
      return MYSQL_WAIT_TIMEOUT;
    }
    pollfd waiting{socket, asked, 0};
    const int most = static_cast<int>(std::min<std::int64_t>(left.count(), 60'000));
    const int ready = ::poll(&waiting, 1, most);
    if (ready < 0 && errno != EINTR) return MYSQL_WAIT_TIMEOUT;
    if (ready <= 0) continue;
    // What went wrong is found by whoever reads or writes.
    if ((waiting.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0) return events;
    return ((waiting.revents & POLLIN) != 0 ? MYSQL_WAIT_READ : 0) |
           ((waiting.revents & POLLOUT) != 0 ? MYSQL_WAIT_WRITE : 0) |
           ((waiting.revents & POLLPRI) != 0 ? MYSQL_WAIT_EXCEPT : 0);
  }
}

// Closes the connection and throws what ended it.
void Connection::lose(const ServerError& error) {
  const bool is_too_late = is_too_late_;
  close();
  if (is_too_late) throw Error{Error::unavailable, "mysql: the server did not answer in time"};
  if (error.code == ER_NET_PACKET_TOO_LARGE) {
    throw Error{Error::misconfigured,
                fmt::format("mysql: a statement is too large for the server, raise its "
                            "max_allowed_packet of {} bytes: {}",
                            facts_.max_packet_bytes, error.reason())};
  }
  throw sink::ConnectionLost{Error::unavailable, "mysql",
                             fmt::format("the connection was lost: {}", error.reason())};
}

// The server's word, if it has one; libmariadb's own errors are of a connection that is lost.
std::optional<ServerError> Connection::judge(ServerError error) {
  if (error.code == 0) return std::nullopt;
  const bool is_of_client = (error.code >= CR_MIN_ERROR && error.code <= CR_MAX_ERROR) ||
                            (error.code >= CER_MIN_ERROR && error.code <= CER_MAX_ERROR);
  if (is_of_client || is_too_late_ || error.ends_connection()) lose(error);
  return error;
}

Outcome Connection::run(std::string_view statement) {
  MYSQL* const raw = connection_.get();
  const int failed = finish<int>(
      [&](int* value) {
        return mysql_real_query_start(value, raw, statement.data(),
                                      static_cast<unsigned long>(statement.size()));
      },
      [&](int* value, int events) { return mysql_real_query_cont(value, raw, events); });
  Outcome outcome;
  if (failed != 0) {
    outcome.error = judge(ServerError::of(raw));
    if (!outcome.error) lose({});
    return outcome;
  }
  const std::unique_ptr<MYSQL_RES, void (*)(MYSQL_RES*)> result{
      finish<MYSQL_RES*>([&](MYSQL_RES** value) { return mysql_store_result_start(value, raw); },
                         [&](MYSQL_RES** value, int events) {
                           return mysql_store_result_cont(value, raw, events);
                         }),
      mysql_free_result};
  outcome.error = judge(ServerError::of(raw));
  if (!result) return outcome;
  while (MYSQL_ROW row = mysql_fetch_row(result.get())) {
    const unsigned long* lengths = mysql_fetch_lengths(result.get());
    std::vector<std::string>& texts = outcome.rows.emplace_back();
    for (unsigned column = 0; column < mysql_num_fields(result.get()); ++column) {
      texts.emplace_back(row[column] != nullptr ? std::string{row[column], lengths[column]} : "");
    }
  }
  return outcome;
}

Outcome Connection::run(std::string_view statement, std::string_view doing) {
  Outcome outcome = run(statement);
  if (outcome.error) throw outcome.error->as_error(fmt::format("cannot {}", doing));
  return outcome;
}

std::optional<ServerError> Connection::execute(const std::string& statement,
                                               std::span<MYSQL_BIND> values) {
  PreparedStatement& prepared = prepared_[statement];
  if (!prepared) {
    prepared.reset(mysql_stmt_init(connection_.get()));
    if (!prepared) throw std::bad_alloc{};
    if (auto error = prepare(statement, prepared.get())) {
      prepared_.erase(statement);
      return error;
    }
  }
  MYSQL_STMT* const raw = prepared.get();
  if (mysql_stmt_bind_param(raw, values.data()) != 0) throw std::bad_alloc{};
  const int failed = finish<int>(
      [&](int* value) { return mysql_stmt_execute_start(value, raw); },
      [&](int* value, int events) { return mysql_stmt_execute_cont(value, raw, events); });
  if (failed == 0) return std::nullopt;
  auto error = judge(ServerError::of(raw));
  if (!error) lose({});
  return error;
}

std::optional<ServerError> Connection::prepare(const std::string& statement, MYSQL_STMT* prepared) {
  const int failed = finish<int>(
      [&](int* value) {
        return mysql_stmt_prepare_start(value, prepared, statement.data(),
                                        static_cast<unsigned long>(statement.size()));
      },
      [&](int* value, int events) { return mysql_stmt_prepare_cont(value, prepared, events); });
  if (failed == 0) return std::nullopt;
  auto error = judge(ServerError::of(prepared));
  if (!error) lose({});
  return error;
}

}  // namespace eventcollect::mysql
