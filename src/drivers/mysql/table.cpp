#include "drivers/mysql/table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "base/format.hpp"
#include "drivers/mysql/quoting.hpp"
#include "event/fields.hpp"
#include "eventcollect/rules.hpp"
#include "eventcollect/url.hpp"
#include "sink/ledger_table.hpp"

namespace eventcollect::mysql {

using base::append_format;
using event::Field;
using event::FieldKind;
using event::FieldTraits;

namespace {

constexpr std::size_t max_table_bytes = 64;  // the server's limit, in characters

// With a selection of LedgerSink::max_selection_bytes that is what a key of InnoDB has room for.
constexpr std::size_t max_object_key_bytes = 1'536;

[[noreturn]] void misconfigured(const std::string& message) {
  throw Error{Error::misconfigured, "mysql: " + message};
}

std::string type_of(const FieldTraits& traits) {
  switch (traits.kind) {
    case FieldKind::uuid:
      return "binary(16)";
    case FieldKind::text:
      return traits.field == Field::event ? fmt::format("varchar({})", max_name_characters)
                                          : "mediumtext";
    case FieldKind::object:
    case FieldKind::array:
      return "json";
    case FieldKind::time:
      return "datetime(3)";
  }
  return {};
}

std::string events_columns() {
  std::string list;
  for (const Field field : event::column_order) {
    const FieldTraits& traits = event::traits_of(field);
    append_format(list, "{} {}{}, ", traits.name, type_of(traits),
                  traits.is_required ? " NOT NULL" : "");
  }
  return list + "PRIMARY KEY (event_id)";
}

std::string ledger_columns() {
  return fmt::format(
      "object_key varbinary({}) NOT NULL, selection varbinary({}) NOT NULL, "
      "events bigint NOT NULL, loaded_at datetime(3) NOT NULL, "
      "PRIMARY KEY (object_key, selection)",
      max_object_key_bytes, LedgerSink::max_selection_bytes);
}

// The collation in which text is equal where its bytes are, blanks at the end included.
std::string_view collation(const ServerFacts& facts) {
  return facts.is_mariadb ? "utf8mb4_nopad_bin" : "utf8mb4_0900_bin";
}

Outcome query_engine(Connection& connection, const TableName& name) {
  return connection.run(
      fmt::format("SELECT t.table_type, e.engine, e.transactions FROM information_schema.tables t "
                  "LEFT JOIN information_schema.engines e ON e.engine = t.engine WHERE {}",
                  name.condition),
      fmt::format("look up the table {}", name.quoted));
}

// The table, which is made if it is missing.
void find_table(Connection& connection, const TableName& name, const std::string& columns_sql,
                bool create) {
  Outcome found = query_engine(connection, name);
  if (found.rows.empty() && create) {
    connection.run(fmt::format("CREATE TABLE IF NOT EXISTS {} ({}) ENGINE = InnoDB "
                               "ROW_FORMAT = DYNAMIC CHARACTER SET utf8mb4 COLLATE {}",
                               name.quoted, columns_sql, collation(connection.facts())),
                   fmt::format("create the table {}", name.quoted));
    found = query_engine(connection, name);
  }
  if (found.rows.empty()) {
    misconfigured(
        fmt::format("there is no table {}{}", name.quoted, create ? "" : ", and create=off"));
  }
  // MariaDB keeps the old rows of a system-versioned table, which takes new ones like any other.
  const std::string& kind = found.text(0, 0);
  if (kind != "BASE TABLE" && kind != "SYSTEM VERSIONED")
    misconfigured(fmt::format("{} is no table", name.quoted));
  if (found.text(0, 2) != "YES") {
    misconfigured(
        fmt::format("the table {} has the engine {}, which has no transactions: ALTER TABLE {} "
                    "ENGINE = InnoDB",
                    name.quoted, found.text(0, 1), name.quoted));
  }
}

struct FoundColumn {
  std::string type;           // without its length: "varchar"
  std::string whole_type;     // "varchar(128)"
  std::string fraction;       // the digits of a second that it keeps
  std::string character_set;  // empty where it holds bytes
  std::string extra;          // "STORED GENERATED" and so on
  std::string is_nullable;    // "YES" or "NO"
};

bool is_text(const FoundColumn& found) {
  constexpr std::array<std::string_view, 6> types{"varchar",    "text",     "tinytext",
                                                  "mediumtext", "longtext", "json"};
  constexpr std::array<std::string_view, 5> bytes{"varbinary", "blob", "tinyblob", "mediumblob",
                                                  "longblob"};
  return std::find(types.begin(), types.end(), found.type) != types.end() ||
         std::find(bytes.begin(), bytes.end(), found.type) != bytes.end();
}

bool fits(FieldKind kind, const FoundColumn& found) {
  switch (kind) {
    case FieldKind::uuid:
      return found.whole_type == "binary(16)" || found.whole_type == "varbinary(16)" ||
             found.type == "uuid";
    case FieldKind::text:
    case FieldKind::object:
    case FieldKind::array:
      return is_text(found);
    case FieldKind::time:
      return found.type == "datetime";
  }
  return false;
}

void check_column(const TableName& table, const FieldTraits& wanted, const FoundColumn& found) {
  const std::string column =
      fmt::format("the column {} of the table {}", wanted.name, table.quoted);
  if (!fits(wanted.kind, found)) {
    misconfigured(
        fmt::format("{} is of type {}, it needs {}", column, found.whole_type, type_of(wanted)));
  }
  if (found.extra.find("GENERATED") != std::string::npos &&
      found.extra.find("DEFAULT_GENERATED") == std::string::npos) {
    misconfigured(column + " is generated: it cannot be filled");
  }
  // An event that has the key of another in an index of the user's own fails since event_id cannot
  // be set to NULL. Where it could be, that other event would lose its id and this one be lost.
  if (wanted.field == Field::event_id && found.is_nullable != "NO") {
    misconfigured(fmt::format("{} may be NULL: ALTER TABLE {} MODIFY event_id {} NOT NULL", column,
                              table.quoted, found.whole_type));
  }
  if (wanted.kind == FieldKind::time && found.fraction < "3") {
    misconfigured(column + " rounds milliseconds off: make it datetime(3)");
  }
  // MySQL says utf8mb4 of its own type for JSON or nothing.
  if (!found.character_set.empty() && found.character_set != "utf8mb4") {
    misconfigured(
        fmt::format("{} has the character set {}, it needs utf8mb4", column, found.character_set));
  }
}

void check_columns(Connection& connection, const TableName& table) {
  const Outcome outcome = connection.run(
      fmt::format(
          "SELECT lower(t.column_name), t.data_type, t.column_type, t.datetime_precision, "
          "t.character_set_name, t.extra, t.is_nullable FROM information_schema.columns t WHERE {}",
          table.condition),
      fmt::format("read the columns of {}", table.quoted));
  std::map<std::string, FoundColumn, std::less<>> all;
  for (const auto& row : outcome.rows) {
    all.emplace(row.at(0),
                FoundColumn{row.at(1), row.at(2), row.at(3), row.at(4), row.at(5), row.at(6)});
  }
  for (const Field field : event::column_order) {
    const FieldTraits& wanted = event::traits_of(field);
    const auto found = all.find(wanted.name);
    if (found == all.end()) {
      misconfigured(fmt::format("the table {} has no column {} (of type {})", table.quoted,
                                wanted.name, type_of(wanted)));
    }
    check_column(table, wanted, found->second);
  }
}

void check_key(Connection& connection, const TableName& table) {
  const Outcome outcome = connection.run(
      fmt::format("SELECT t.index_name FROM information_schema.statistics t WHERE {} "
                  "AND t.non_unique = 0 GROUP BY t.index_name HAVING count(*) = 1 "
                  "AND max(lower(t.column_name)) = 'event_id' AND max(t.sub_part) IS NULL",
                  table.condition),
      fmt::format("read the indexes of {}", table.quoted));
  if (!outcome.rows.empty()) return;
  misconfigured(
      fmt::format("the table {0} has no unique index of event_id alone: ALTER TABLE {0} "
                  "ADD PRIMARY KEY (event_id)",
                  table.quoted));
}

std::string_view database_of(std::string_view table) {
  const std::size_t dot = table.find('.');
  if (dot == 0) throw ConfigError{"mysql: the table has an empty database"};
  return dot == std::string_view::npos ? std::string_view{} : table.substr(0, dot);
}

std::string_view name_of(std::string_view table) { return table.substr(table.find('.') + 1); }

}  // namespace

TableName::TableName(std::string_view database, std::string_view table) {
  if (table.empty() || table.size() > max_table_bytes || database.size() > max_table_bytes) {
    throw ConfigError{
        fmt::format("mysql: a table is NAME or DATABASE.NAME, each of at most {} bytes (with that "
                    "of the ledger {})",
                    max_table_bytes, sink::ledger_table("NAME"))};
  }
  quoted = database.empty() ? quoted_name(table) : quoted_name(database) + '.' + quoted_name(table);
  condition = fmt::format("t.table_schema = {} AND t.table_name = {}",
                          database.empty() ? "DATABASE()" : literal(database), literal(table));
}

TableNames::TableNames(std::string_view table)
    : events{database_of(table), name_of(table)},
      ledger{database_of(table), sink::ledger_table(name_of(table))} {}

void prepare_events_table(Connection& connection, const TableNames& names, bool create) {
  find_table(connection, names.events, events_columns(), create);
  check_columns(connection, names.events);
  check_key(connection, names.events);
}

void prepare_ledger_table(Connection& connection, const TableNames& names, bool create) {
  find_table(connection, names.ledger, ledger_columns(), create);
}

}  // namespace eventcollect::mysql
