#include "drivers/postgres/session.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <stdexcept>

#include "eventcollect/url.hpp"

namespace eventcollect {

using postgres::EventWriter;
using postgres::Outcome;
using postgres::ServerError;

namespace {

// How often a transaction that others made fail is run.
constexpr int max_attempts = 5;

}  // namespace

PostgresSink::Session::Session(const PostgresSinkOptions& options)
    : connection_{options.connection},
      names_{options.table},
      create_{options.create},
      timeout_{options.timeout} {
  if (timeout_.count() <= 0) throw ConfigError{"postgres: the timeout must be greater than 0"};
}

void PostgresSink::Session::work_on_connection(const std::function<void()>& work) {
  connection_.set_deadline(std::chrono::steady_clock::now() + timeout_);
  const bool was_open = connection_.is_open();
  try {
    try {
      make_ready();
      work();
    } catch (const postgres::ConnectionLost&) {
      if (!was_open || load_) throw;
      make_ready();
      work();
    }
  } catch (...) {
    load_.reset();
    connection_.close();
    throw;
  }
}

void PostgresSink::Session::make_ready() {
  if (connection_.is_open()) return;
  connection_.open();
  settings_ = read_settings(connection_);
  check_table_ = prepare_events_table(connection_, names_, create_);
  has_ledger_ = false;
}

std::string PostgresSink::Session::begin_statements() const {
  return postgres::begin_statements(settings_, connection_.deadline());
}

void PostgresSink::Session::write(const Batch& batch, Rejections& rejections) {
  Rejections of_attempt;
  work_on_connection([&] {
    of_attempt.clear();  // the work may be done again on a new connection
    load_ ? write_in_load(batch, of_attempt) : write_transaction(batch, of_attempt);
  });
  rejections.add(of_attempt);
}

void PostgresSink::Session::write_transaction(const Batch& batch, Rejections& rejections) {
  for (int attempt = 1;; ++attempt) {
    connection_.prepend(begin_statements());
    EventWriter writer{connection_, names_, buffer_, expects_duplicates_};
    auto error = writer.store(batch, rejections);
    if (!error) error = finish_transaction();
    if (!error) return;
    rejections.clear();
    if (!error->is_passing() || attempt == max_attempts) {
      throw error->as_error(fmt::format("cannot write to {}", names_.events));
    }
    connection_.prepend("ROLLBACK; ");
  }
}

void PostgresSink::Session::write_in_load(const Batch& batch, Rejections& rejections) {
  const auto error = load_->writer.store(batch, rejections);
  if (error) throw error->as_error(fmt::format("cannot load into {}", names_.events));
  load_->events += batch.size() - rejections.size();
}

// Commits. From the moment when the server may have the word, only its answer settles the matter.
std::optional<ServerError> PostgresSink::Session::finish_transaction() {
  Outcome outcome;
  try {
    outcome = connection_.run(check_table_ + "COMMIT");
  } catch (const Error& error) {
    throw Error{Error::in_doubt, fmt::format("{} (in COMMIT)", error.what())};
  }
  if (outcome.error) {
    throw_if_changed(*outcome.error);
    return outcome.error;
  }
  // That is how a transaction that had failed before answers.
  if (std::string_view{PQcmdStatus(outcome.last.get())} != "COMMIT") {
    throw Error{Error::unavailable, "postgres: the transaction was rolled back"};
  }
  return std::nullopt;
}

// The next connection looks at the table anew, and says what is wrong with it.
void PostgresSink::Session::throw_if_changed(const ServerError& error) const {
  if (error.sqlstate != postgres::table_changed) return;
  throw Error{Error::unavailable,
              fmt::format("postgres: the table {} was changed meanwhile", names_.events)};
}

void PostgresSink::Session::maintain() {
  if (load_) return;
  work_on_connection([&] { probe(); });
}

// A write without events fails where a write with some would, but for a full disk.
void PostgresSink::Session::probe() {
  connection_.prepend(begin_statements());
  Rejections none;
  auto error = EventWriter{connection_, names_, buffer_, expects_duplicates_}.store({}, none);
  if (!error) error = connection_.run(check_table_ + "COMMIT").error;
  if (!error) return;
  throw_if_changed(*error);
  throw error->as_error(fmt::format("cannot write to {}", names_.events));
}

LoadStart PostgresSink::Session::begin(std::string_view object_key, std::string_view selection) {
  if (load_) throw std::logic_error{"PostgresSink: begin() before the last load was ended"};
  LoadStart start = LoadStart::busy;
  work_on_connection([&] {
    prepare_ledger();
    const std::string key{object_key};
    const std::string filter{selection};
    start = insert_ledger_line(key, filter);
    if (start == LoadStart::begun) {
      load_.emplace(Load{key, filter, 0, {connection_, names_, buffer_, expects_duplicates_}});
    } else {
      connection_.run("ROLLBACK");
    }
  });
  return start;
}

void PostgresSink::Session::prepare_ledger() {
  if (!has_ledger_) prepare_ledger_table(connection_, names_, create_);
  has_ledger_ = true;
}

// Begins a transaction with it. Who has written the same line and not yet committed is not waited
// for: there are other objects to load.
LoadStart PostgresSink::Session::insert_ledger_line(const std::string& object_key,
                                                    const std::string& selection) {
  const std::string key = postgres::quoted_literal(object_key);
  connection_.prepend(begin_statements() + "SET LOCAL lock_timeout = 1; ");
  const Outcome outcome =
      connection_.run(fmt::format("INSERT INTO {0} (object_key, selection, events, loaded_at)"
                                  " SELECT {1}, {2}, 0, now() WHERE NOT EXISTS"
                                  " (SELECT FROM {0} WHERE object_key = {1} AND selection = '')"
                                  " ON CONFLICT (object_key, selection) DO NOTHING",
                                  names_.ledger, key, postgres::quoted_literal(selection)));
  constexpr std::string_view lock_not_available = "55P03";
  if (outcome.error && outcome.error->sqlstate == lock_not_available) return LoadStart::busy;
  if (outcome.error) {
    throw outcome.error->as_error(fmt::format("cannot write to {}", names_.ledger));
  }
  if (outcome.rows() == 0) return LoadStart::loaded;
  connection_.prepend("SET LOCAL lock_timeout TO DEFAULT; ");
  return LoadStart::begun;
}

std::vector<bool> PostgresSink::Session::loaded(std::span<const std::string> object_keys,
                                                std::string_view selection) {
  if (load_) throw std::logic_error{"PostgresSink: loaded() while a load is open"};
  constexpr std::size_t keys_per_query = 1'000;
  std::vector<bool> loaded;
  work_on_connection([&] {
    prepare_ledger();
    loaded.clear();
    loaded.reserve(object_keys.size());
    for (auto left = object_keys; !left.empty();) {
      const auto some = left.first(std::min(left.size(), keys_per_query));
      left = left.subspan(some.size());
      connection_.set_deadline(std::chrono::steady_clock::now() + timeout_);
      ask_ledger(some, selection, loaded);
    }
  });
  return loaded;
}

// Appends the answers to `loaded`.
void PostgresSink::Session::ask_ledger(std::span<const std::string> object_keys,
                                       std::string_view selection, std::vector<bool>& loaded) {
  const std::array parameters{postgres::array_literal(object_keys), std::string{selection}};
  const Outcome outcome = connection_.run(
      fmt::format("SELECT EXISTS (SELECT FROM {} WHERE object_key = asked.key"
                  " AND selection IN ('', $2))"
                  " FROM unnest($1::text[]) WITH ORDINALITY AS asked (key, place) ORDER BY place",
                  names_.ledger),
      parameters);
  if (outcome.error) {
    throw outcome.error->as_error(fmt::format("cannot read {}", names_.ledger));
  }
  for (std::size_t i = 0; i < object_keys.size(); ++i) {
    loaded.push_back(outcome.is_true(static_cast<int>(i), 0));
  }
}

void PostgresSink::Session::commit() {
  if (!load_) throw std::logic_error{"PostgresSink: commit() without begin()"};
  work_on_connection([&] {
    const std::array parameters{load_->object_key, load_->selection, std::to_string(load_->events)};
    auto error = connection_
                     .run(fmt::format("UPDATE {} SET events = $3, loaded_at = clock_timestamp()"
                                      " WHERE object_key = $1 AND selection = $2",
                                      names_.ledger),
                          parameters)
                     .error;
    if (!error) error = finish_transaction();
    if (error) throw error->as_error("cannot commit the load");
    load_.reset();
  });
}

void PostgresSink::Session::roll_back() noexcept {
  if (!load_) return;
  try {
    work_on_connection([&] {
      connection_.run("ROLLBACK");
      load_.reset();
    });
  } catch (const std::exception&) {
    // The connection is closed: the server rolls back by itself.
  }
}

}  // namespace eventcollect
