#include "drivers/mysql/server_error.hpp"

#include <errmsg.h>
#include <fmt/format.h>
#include <mysqld_error.h>

#include <algorithm>
#include <array>

#include "base/printable.hpp"

namespace eventcollect::mysql {
namespace {

// MySQL's own, which MariaDB's header does not name.
constexpr unsigned check_violated_in_mysql = 3819;
constexpr unsigned check_violated_in_mariadb = 4025;
constexpr unsigned regular_expression_overflowed = 3698;
constexpr unsigned regular_expression_timed_out = 3699;
constexpr unsigned too_many_values_for_index = 3905;
constexpr unsigned too_large_values_for_index = 3906;
constexpr unsigned wrong_value_for_index = 3908;
constexpr unsigned lock_not_granted_at_once = 3572;
constexpr unsigned disconnected_for_idleness = 4031;

std::string shortened(const char* message) {
  constexpr std::size_t max_message_bytes = 1'024;
  return base::printable(message, max_message_bytes);
}

// libmariadb has one code for whatever ends TLS, a connection that was cut included. These words of
// OpenSSL, GnuTLS and libmariadb are of what does not go away by itself.
bool is_of_tls_setup(const ServerError& error) {
  constexpr std::array<std::string_view, 5> words{"certificate", "not support", "protocol",
                                                  "cipher", "handshake failure"};
  return error.code == CR_SSL_CONNECTION_ERROR &&
         std::any_of(words.begin(), words.end(), [&](std::string_view word) {
           return error.message.find(word) != std::string::npos;
         });
}

template <std::size_t count>
bool is_one_of(unsigned code, const std::array<unsigned, count>& codes) {
  return std::find(codes.begin(), codes.end(), code) != codes.end();
}

}  // namespace

ServerError ServerError::of(MYSQL* connection) {
  return {mysql_errno(connection), mysql_sqlstate(connection), shortened(mysql_error(connection))};
}

ServerError ServerError::of(MYSQL_STMT* statement) {
  return {mysql_stmt_errno(statement), mysql_stmt_sqlstate(statement),
          shortened(mysql_stmt_error(statement))};
}

bool ServerError::is_poison() const {
  // Those that a server gives no class of its own.
  constexpr std::array<unsigned, 13> by_data{
      ER_TRUNCATED_WRONG_VALUE_FOR_FIELD,
      ER_WRONG_VALUE_FOR_TYPE,
      WARN_DATA_TRUNCATED,
      ER_NO_PARTITION_FOR_GIVEN_VALUE,
      ER_TOO_BIG_ROWSIZE,
      ER_UNDO_RECORD_TOO_BIG,
      check_violated_in_mysql,
      check_violated_in_mariadb,
      regular_expression_overflowed,
      regular_expression_timed_out,
      too_many_values_for_index,
      too_large_values_for_index,
      wrong_value_for_index,
  };
  return sqlstate.starts_with("22") || sqlstate.starts_with("23") || is_one_of(code, by_data);
}

bool ServerError::is_passing() const {
  return code == ER_LOCK_DEADLOCK || code == ER_LOCK_WAIT_TIMEOUT ||
         code == lock_not_granted_at_once || sqlstate == "40001";
}

bool ServerError::ends_connection() const {
  constexpr std::array<unsigned, 4> last_words{ER_SERVER_SHUTDOWN, ER_CONNECTION_KILLED,
                                               ER_NEW_ABORTING_CONNECTION,
                                               disconnected_for_idleness};
  return is_one_of(code, last_words) || sqlstate.starts_with("08");
}

std::string ServerError::reason() const {
  return fmt::format("{} (error {}, SQLSTATE {})", message, code, sqlstate);
}

Error ServerError::as_error(std::string_view what) const {
  return {kind(), fmt::format("mysql: {}: {}", what, reason())};
}

Error::Kind ServerError::kind() const {
  // What does not go away by itself: unknown names, types, rights, passwords, features, and what a
  // trigger raises.
  constexpr std::array<std::string_view, 9> lasting{"0A", "22", "23", "28", "3D",
                                                    "3F", "42", "44", "45"};
  constexpr std::array<unsigned, 7> lasting_without_class{ER_NO_DEFAULT_FOR_FIELD,
                                                          ER_HOST_NOT_PRIVILEGED,
                                                          ER_PLUGIN_IS_NOT_LOADED,
                                                          ER_NOT_SUPPORTED_AUTH_MODE,
                                                          ER_BINLOG_STMT_MODE_AND_ROW_ENGINE,
                                                          ER_UNKNOWN_STORAGE_ENGINE,
                                                          ER_ACCESS_DENIED_NO_PASSWORD_ERROR};
  // A bound that others have used up, too, is so for the time being.
  constexpr std::array<unsigned, 3> passing{ER_TOO_MANY_USER_CONNECTIONS, ER_USER_LIMIT_REACHED,
                                            ER_MAX_PREPARED_STMT_COUNT_REACHED};
  if (is_one_of(code, passing)) return Error::unavailable;
  const std::string_view group = std::string_view{sqlstate}.substr(0, 2);
  const bool is_lasting = std::find(lasting.begin(), lasting.end(), group) != lasting.end() ||
                          is_one_of(code, lasting_without_class) || is_of_tls_setup(*this);
  return is_lasting ? Error::misconfigured : Error::unavailable;
}

}  // namespace eventcollect::mysql
