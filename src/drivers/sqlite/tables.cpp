#include "drivers/sqlite/tables.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <vector>

#include "base/format.hpp"
#include "event/column_list.hpp"
#include "event/fields.hpp"
#include "eventcollect/url.hpp"
#include "sink/ledger_table.hpp"

namespace eventcollect::sqlite {

using base::append_format;
using event::column_order;
using event::Field;
using event::FieldTraits;
using event::traits_of;

namespace {

struct Column {
  std::string_view name;
  std::string_view type;
};

constexpr std::array event_columns = [] {
  std::array<Column, column_order.size()> made{};
  for (std::size_t i = 0; i < made.size(); ++i) {
    const FieldTraits& traits = traits_of(column_order[i]);
    made[i] = {traits.name, traits.is_required ? "TEXT NOT NULL" : "TEXT"};
  }
  made[0].type = "TEXT PRIMARY KEY NOT NULL";
  return made;
}();

static_assert(column_order[0] == Field::event_id, "event_id must be the primary key");

constexpr Column ledger_columns[] = {
    {"object_key", "TEXT NOT NULL"},
    {"selection", "TEXT NOT NULL"},
    {"events", "INTEGER NOT NULL"},
    {"loaded_at", "TEXT NOT NULL"},
};

void create_table(Connection& connection, const std::string& name, std::span<const Column> columns,
                  std::string_view constraint) {
  std::string body;
  for (const Column& column : columns) {
    append_format(body, "{}{} {}", body.empty() ? "" : ", ", column.name, column.type);
  }
  connection.run(
      fmt::format("CREATE TABLE IF NOT EXISTS {} ({}{})", quoted(name), body, constraint),
      fmt::format("create the table {}", name));
}

// What is known of a column that a table has.
struct Found {
  std::string name;
  bool must_be_given;
};

std::vector<Found> columns_of(Connection& connection, const std::string& table) {
  constexpr std::string_view doing = "read the columns of its table";
  Statement query = connection.prepare(
      "SELECT lower(name), \"notnull\" AND dflt_value IS NULL AND pk = 0 AND hidden = 0 "
      "FROM pragma_table_xinfo(?1)",
      doing);
  query.bind(1, table);
  std::vector<Found> found;
  while (query.next(doing)) found.push_back({std::string{query.text(0)}, query.integer(1) != 0});
  return found;
}

void check_table(Connection& connection, const std::string& table, std::span<const Column> ours) {
  const auto misconfigured = [&](const std::string& what) {
    return connection.error(Error::misconfigured, what);
  };
  const std::vector<Found> theirs = columns_of(connection, table);
  if (theirs.empty())
    throw misconfigured(fmt::format("there is no table {}, and create=off", table));
  for (const Column& column : ours) {
    if (std::none_of(theirs.begin(), theirs.end(),
                     [&](const Found& one) { return one.name == column.name; })) {
      throw misconfigured(fmt::format("the table {} has no column {}, which should be {}", table,
                                      column.name, column.type));
    }
  }
  for (const Found& one : theirs) {
    if (one.must_be_given && std::none_of(ours.begin(), ours.end(), [&](const Column& column) {
          return one.name == column.name;
        })) {
      throw misconfigured(fmt::format(
          "the column {} of the table {} is NOT NULL and has no DEFAULT, so no event fits",
          one.name, table));
    }
  }
}

}  // namespace

TableNames::TableNames(std::string_view table) : events{table}, ledger{sink::ledger_table(table)} {
  if (table.empty()) throw ConfigError{"sqlite: the name of the table is empty"};
  if (table.starts_with("sqlite_")) {
    throw ConfigError{fmt::format("sqlite: the table '{}' would be one of SQLite's own", table)};
  }
}

void prepare_events_table(Connection& connection, const TableNames& names, bool create) {
  if (create) create_table(connection, names.events, event_columns, "");
  check_table(connection, names.events, event_columns);
}

void prepare_ledger_table(Connection& connection, const TableNames& names, bool create) {
  if (create) {
    create_table(connection, names.ledger, ledger_columns, ", PRIMARY KEY (object_key, selection)");
  }
  check_table(connection, names.ledger, ledger_columns);
}

Statement prepare_insert(Connection& connection, const TableNames& names) {
  static_assert(event_columns.size() == 10, "each column must have a parameter");
  return connection.prepare(
      fmt::format("INSERT INTO {} ({}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) "
                  "ON CONFLICT (event_id) DO NOTHING",
                  quoted(names.events), event::column_list),
      fmt::format("prepare to fill the table {}", names.events));
}

}  // namespace eventcollect::sqlite
