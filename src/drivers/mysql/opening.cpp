// How a connection to one of several hosts is made, and what is asked of the server.
#include <errmsg.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <new>
#include <system_error>

#include "base/format.hpp"
#include "drivers/mysql/connection.hpp"
#include "drivers/mysql/server_settings.hpp"

namespace eventcollect::mysql {
namespace {

// Where Debian and most others keep the system's authorities: libmariadb has no default.
constexpr const char* system_ca_file = "/etc/ssl/certs/ca-certificates.crt";

// The ways to give a password that do not show it to whoever reads along or poses as the server.
// caching_sha2_password is not among them: libmariadb encrypts the password with whatever key the
// server sends.
constexpr const char* hidden_authentication = "mysql_native_password,client_ed25519";

std::size_t number_in(const std::string& text) {
  std::size_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

[[noreturn]] void reject_host(Error::Kind kind, const std::string& reason) {
  throw sink::ConnectionLost{kind, "mysql", reason};
}

// libmariadb's first call in a process is none that threads may make at once.
void begin_library() {
  static const bool has_begun = mysql_server_init(0, nullptr, nullptr) == 0;
  if (!has_begun) throw std::bad_alloc{};
}

}  // namespace

void Connection::open() {
  close();
  const Deadline end = deadline_;
  try {
    sink::connect_in_turn(
        "mysql", options_.hosts, next_host_, end,
        [](const MysqlHost& host) { return fmt::format("{}:{}", host.name, host.port); },
        [&](const MysqlHost& host, Deadline end_of_share) {
          deadline_ = end_of_share;
          connect(host);
          return true;
        });
    deadline_ = end;
  } catch (...) {
    deadline_ = end;
    close();
    throw;
  }
}

void Connection::connect(const MysqlHost& host) {
  begin_library();
  close();
  is_too_late_ = false;
  connection_.reset(mysql_init(nullptr));
  if (!connection_) throw std::bad_alloc{};
  set_options();
  MYSQL* const raw = connection_.get();
  const MYSQL* connected = finish<MYSQL*>(
      [&](MYSQL** value) {
        return mysql_real_connect_start(value, raw, host.name.c_str(), options_.user.c_str(),
                                        options_.password.c_str(), options_.database.c_str(),
                                        host.port, nullptr, 0);
      },
      [&](MYSQL** value, int events) { return mysql_real_connect_cont(value, raw, events); });
  if (is_too_late_) reject_host(Error::unavailable, "did not answer in time");
  if (connected == nullptr) {
    const ServerError error = ServerError::of(raw);
    const bool cannot_authenticate =
        error.code == CR_AUTH_PLUGIN_CANNOT_LOAD || error.code == CR_AUTH_PLUGIN_ERR;
    if (error.code == CR_PLUGIN_NOT_ALLOWED) {
      reject_host(Error::misconfigured,
                  "the server asks for the password in a way that is only safe with TLS, as "
                  "caching_sha2_password is: set tls=on, or let the user authenticate by "
                  "mysql_native_password or ed25519");
    }
    reject_host(cannot_authenticate ? Error::misconfigured : error.kind(), error.reason());
  }
  try {
    check_server();
    set_session();
  } catch (const sink::ConnectionLost&) {
    throw;
  } catch (const Error& error) {
    constexpr std::string_view driver = "mysql: ";
    reject_host(error.kind(), std::string{error.what()}.substr(driver.size()));
  }
}

void Connection::set_options() {
  MYSQL* const raw = connection_.get();
  const auto set = [raw](mysql_option option, const void* value) {
    if (mysql_options(raw, option, value) != 0) throw std::bad_alloc{};
  };
  const unsigned tcp = MYSQL_PROTOCOL_TCP;
  const unsigned off = 0;
  const my_bool on = 1;
  set(MYSQL_OPT_NONBLOCK, nullptr);
  set(MYSQL_OPT_PROTOCOL, &tcp);  // "localhost" would be a socket in the file system
  set(MYSQL_SET_CHARSET_NAME, "utf8mb4");
  // A server that asks for a file of ours gets none.
  set(MYSQL_OPT_LOCAL_INFILE, &off);
  if (!options_.tls) {
    set(MARIADB_OPT_RESTRICTED_AUTH, hidden_authentication);
    return;
  }
  const char* const ca_file = options_.ca_file.empty() ? system_ca_file : options_.ca_file.c_str();
  if (::access(ca_file, R_OK) != 0) {
    reject_host(Error::misconfigured, fmt::format("the ca_file {} cannot be read: {}", ca_file,
                                                  std::generic_category().message(errno)));
  }
  set(MYSQL_OPT_SSL_CA, ca_file);
  set(MYSQL_OPT_SSL_ENFORCE, &on);
  set(MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &on);
}

// Whatever the server, the user or init_connect has for a session.
void Connection::set_session() {
  const double seconds = std::chrono::duration<double>{options_.timeout}.count();
  std::string settings =
      "SET NAMES utf8mb4, SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', "
      "time_zone = '+00:00', autocommit = 1, foreign_key_checks = 1, unique_checks = 1";
  // The server is to give up when we do, or locks would stay behind.
  if (facts_.is_mariadb) base::append_format(settings, ", max_statement_time = {:.3f}", seconds);
  run(settings, "set up the session");
  run("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", "set up the session");
}

void Connection::check_server() {
  const Outcome outcome =
      run("SELECT VERSION(), @@max_allowed_packet, @@innodb_flush_log_at_trx_commit, "
          "@@global.read_only, @@log_bin, @@sync_binlog",
          "read the settings");
  facts_.is_mariadb = outcome.text(0, 0).find("MariaDB") != std::string::npos;
  facts_.max_packet_bytes = number_in(outcome.text(0, 1));
  const auto fault =
      fault_of({outcome.text(0, 2), outcome.text(0, 3), outcome.text(0, 4), outcome.text(0, 5)});
  if (fault) reject_host(fault->kind, fault->reason);
}

}  // namespace eventcollect::mysql
