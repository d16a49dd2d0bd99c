#include "drivers/sqlite/connection.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>

#include "base/file_system.hpp"
#include "base/format.hpp"

namespace eventcollect::sqlite {

using base::append_format;

namespace {

using namespace std::chrono_literals;

constexpr int primary(int code) { return code & 0xff; }

// The descriptors or the memory of the process have run out: no fault of the file.
bool is_want_of_resources(int system_error) {
  return system_error == EMFILE || system_error == ENFILE || system_error == ENOMEM;
}

Error::Kind kind_of(int code, int system_error) {
  if (code == SQLITE_READONLY_DBMOVED) return Error::unavailable;
  switch (primary(code)) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:  // its name for losing a race for WAL's locks too often
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_NOMEM:
    case SQLITE_INTERRUPT:
      return Error::unavailable;
    case SQLITE_CANTOPEN:
      return is_want_of_resources(system_error) ? Error::unavailable : Error::misconfigured;
    default:
      return Error::misconfigured;
  }
}

// SQLite's busy handler: 0 gives up. Its own one knows no deadline over several statements.
int wait_for_others(void* deadline, int tries) {
  const auto left = *static_cast<const Deadline*>(deadline) - std::chrono::steady_clock::now();
  if (left <= 0s) return 0;
  const std::chrono::nanoseconds pause = std::min<std::chrono::nanoseconds>(
      std::chrono::milliseconds{std::min(1 << std::min(tries, 5), 20)}, left);
  std::this_thread::sleep_for(pause);
  return 1;
}

// A path that SQLite takes for nothing else, such as ":memory:" or "file:".
std::string plain_path(const std::string& file) {
  return file.starts_with('/') ? file : "./" + file;
}

// Makes an empty file where there is none, which is an empty database: SQLite would let everyone
// read it, and gives the files beside it the same mode. Opening and closing it here would take away
// the locks that this process has on it. What fails is for SQLite to say.
void make_file(const std::string& path) { ::mknod(path.c_str(), S_IFREG | base::file_mode, 0); }

}  // namespace

bool is_fault_of_the_data(int code) {
  const int kind = primary(code);
  return kind == SQLITE_CONSTRAINT || kind == SQLITE_TOOBIG || kind == SQLITE_MISMATCH;
}

std::string quoted(std::string_view name) {
  std::string text{'"'};
  for (const char c : name) {
    if (c == '"') text.push_back('"');
    text.push_back(c);
  }
  text.push_back('"');
  return text;
}

Connection::Connection(const std::string& file, bool create, const Deadline& deadline)
    : name_{"sqlite:" + file} {
  const int flags = SQLITE_OPEN_READWRITE | (create ? SQLITE_OPEN_CREATE : 0) |
                    SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  if (create) make_file(plain_path(file));
  const int code = sqlite3_open_v2(plain_path(file).c_str(), &handle_, flags, nullptr);
  if (code != SQLITE_OK || sqlite3_db_readonly(handle_, "main") != 0) {
    const Error failure = code != SQLITE_OK ? error(code, "open it")
                                            : error(Error::misconfigured, "the file is read-only");
    sqlite3_close_v2(handle_);
    throw failure;
  }
  sqlite3_busy_handler(handle_, wait_for_others, const_cast<Deadline*>(&deadline));
}

Connection::~Connection() { sqlite3_close_v2(handle_); }

void Connection::run(std::string_view sql, std::string_view doing) {
  Statement statement = prepare(sql, doing);
  while (statement.next(doing)) {
  }
}

Statement Connection::prepare(std::string_view sql, std::string_view doing) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) throw error(code, doing);
  return Statement{*this, statement};
}

bool Connection::is_in_transaction() const { return sqlite3_get_autocommit(handle_) == 0; }

bool Connection::has_moved() const {
  int moved = 0;
  sqlite3_file_control(handle_, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
  return moved != 0;
}

std::string_view Connection::message() const { return sqlite3_errmsg(handle_); }

Error Connection::error(int code, std::string_view doing) const {
  if (handle_ == nullptr) return {Error::unavailable, name_ + ": no memory to open it"};
  const int system_error = sqlite3_system_errno(handle_);
  std::string text = fmt::format("{}: cannot {}: {}", name_, doing, message());
  const bool is_of_system = primary(code) == SQLITE_CANTOPEN || primary(code) == SQLITE_IOERR;
  if (is_of_system && system_error != 0) {
    append_format(text, " ({})", std::strerror(system_error));
  }
  return {kind_of(code, system_error), text};
}

Error Connection::error(Error::Kind kind, std::string_view what) const {
  return {kind, fmt::format("{}: {}", name_, what)};
}

Error Connection::commit_error(int code) const {
  Error failure = error(code, "commit");
  // The transaction may be in the log, whole, although the sync failed that was to keep it there.
  if (primary(code) == SQLITE_IOERR) return {Error::in_doubt, failure.what()};
  return failure;
}

int Statement::bind(int parameter, std::string_view text) {
  const char* data = text.data() == nullptr ? "" : text.data();
  return sqlite3_bind_text64(statement_.get(), parameter, data, text.size(), nullptr, SQLITE_UTF8);
}

int Statement::bind_null(int parameter) { return sqlite3_bind_null(statement_.get(), parameter); }

int Statement::step() { return sqlite3_step(statement_.get()); }

bool Statement::next(std::string_view doing) {
  const int code = step();
  if (code != SQLITE_ROW && code != SQLITE_DONE) throw connection_->error(code, doing);
  return code == SQLITE_ROW;
}

std::string_view Statement::text(int column) const {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement_.get(), column));
  const int count = sqlite3_column_bytes(statement_.get(), column);
  return bytes == nullptr ? std::string_view{}
                          : std::string_view{bytes, static_cast<std::size_t>(count)};
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

void Statement::reset() { sqlite3_reset(statement_.get()); }

}  // namespace eventcollect::sqlite
