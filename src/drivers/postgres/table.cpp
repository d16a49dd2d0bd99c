#include "drivers/postgres/table.hpp"

#include <fmt/format.h>

#include <array>
#include <map>
#include <vector>

#include "base/format.hpp"
#include "drivers/postgres/columns.hpp"
#include "eventcollect/url.hpp"
#include "sink/ledger_table.hpp"

namespace eventcollect::postgres {

using base::append_format;

namespace {

constexpr std::size_t max_name_bytes = 63;  // NAMEDATALEN - 1; longer ones the server cuts

// What the catalog says of the relation $1, if there is one.
const std::string relation_query =
    "SELECT c.relkind, c.relpersistence = 'u', c.oid::text, EXISTS ("
    "SELECT FROM pg_catalog.pg_index i JOIN pg_catalog.pg_attribute a"
    " ON a.attrelid = c.oid AND a.attnum = i.indkey[0]"
    " WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indimmediate"
    " AND i.indpred IS NULL AND i.indnkeyatts = 1 AND a.attname = 'event_id')"
    " FROM pg_catalog.pg_class c WHERE c.oid = pg_catalog.to_regclass($1)";

// Name, type (a domain counts as what it is made of), fraction digits kept, whether it is
// generated.
const std::string columns_query =
    "SELECT a.attname, pg_catalog.format_type(coalesce(nullif(t.typbasetype, 0), t.oid), NULL),"
    " a.atttypmod, a.attgenerated <> '' OR a.attidentity = 'a'"
    " FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid"
    " WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped";

constexpr std::string_view ledger_columns =
    "object_key text, selection text, events bigint NOT NULL, loaded_at timestamptz NOT NULL,"
    " PRIMARY KEY (object_key, selection)";

[[noreturn]] void misconfigured(const std::string& message) {
  throw Error{Error::misconfigured, "postgres: " + message};
}

std::string events_columns() {
  std::string list;
  for (const Column& column : columns) {
    append_format(list, "{}{} {}{}", list.empty() ? "" : ", ", column.name, column.type,
                  column.is_required ? " NOT NULL" : "");
  }
  return list + ", PRIMARY KEY (event_id)";
}

Outcome ask(Connection& connection, const std::string& query, std::string_view parameter,
            std::string_view what) {
  const std::array parameters{std::string{parameter}};
  Outcome outcome = connection.run(query, parameters);
  if (outcome.error) throw outcome.error->as_error(what);
  return outcome;
}

// Makes the table. If several do so at once, all find it made: they take turns, and where one who
// does not know of turns came first, that is as well.
void create_table(Connection& connection, const std::string& name, std::string_view columns_sql) {
  constexpr std::int64_t lock_key = 0x6576'656e'7463'6f6c;  // "eventcol"
  const Outcome outcome =
      connection.run(fmt::format("BEGIN; SELECT pg_catalog.pg_advisory_xact_lock({}); "
                                 "CREATE TABLE IF NOT EXISTS {} ({}); COMMIT;",
                                 lock_key, name, columns_sql));
  if (!outcome.error) return;
  const ServerError error = *outcome.error;
  connection.run("ROLLBACK");
  if (error.sqlstate != "42P07" && !error.is_duplicate_key()) {
    throw error.as_error(fmt::format("cannot create the table {}", name));
  }
}

// The row of the relation, which is made if it is missing.
Outcome find_table(Connection& connection, const std::string& name, std::string_view columns_sql,
                   bool create) {
  const std::string what = fmt::format("cannot look up the table {}", name);
  Outcome found = ask(connection, relation_query, name, what);
  if (PQntuples(found.last.get()) == 0 && create) {
    create_table(connection, name, columns_sql);
    found = ask(connection, relation_query, name, what);
  }
  if (PQntuples(found.last.get()) == 0) {
    misconfigured(fmt::format("there is no table {}{}", name, create ? "" : ", and create=off"));
  }
  return found;
}

struct FoundColumn {
  std::string type;
  std::string modifier;
  bool is_generated;
};

bool fits(const Column& wanted, const FoundColumn& found) {
  if (found.type == wanted.type) return true;
  return wanted.type == "text" && found.type == "character varying";
}

void check_column(const std::string& table, const Column& wanted, const FoundColumn& found) {
  if (!fits(wanted, found)) {
    misconfigured(fmt::format("the column {} of the table {} is of type {}, it needs {}",
                              wanted.name, table, found.type, wanted.type));
  }
  if (found.is_generated) {
    misconfigured(fmt::format("the column {} of the table {} is generated: it cannot be filled",
                              wanted.name, table));
  }
  const bool cuts_time =
      wanted.type.starts_with("timestamp") && found.modifier != "-1" && found.modifier < "3";
  if (cuts_time) {
    misconfigured(
        fmt::format("the column {} of the table {} rounds milliseconds off: make it "
                    "timestamptz or timestamptz(3)",
                    wanted.name, table));
  }
}

void check_columns(Connection& connection, const std::string& table, std::string_view oid) {
  const Outcome outcome =
      ask(connection, columns_query, oid, fmt::format("cannot read the columns of {}", table));
  std::map<std::string, FoundColumn, std::less<>> all;
  for (int row = 0; row < PQntuples(outcome.last.get()); ++row) {
    all.emplace(outcome.text(row, 0),
                FoundColumn{std::string{outcome.text(row, 1)}, std::string{outcome.text(row, 2)},
                            outcome.is_true(row, 3)});
  }
  for (const Column& wanted : columns) {
    const auto found = all.find(wanted.name);
    if (found == all.end()) {
      misconfigured(fmt::format("the table {} has no column {} (of type {})", table, wanted.name,
                                wanted.type));
    }
    check_column(table, wanted, found->second);
  }
}

// A query for a number that stands for all that check_columns() looked at. It runs with every
// transaction: hence no order, no list of names.
std::string fingerprint_query(const std::string& table) {
  return fmt::format(
      "SELECT pg_catalog.sum(pg_catalog.hashtextextended("
      "attname || ':' || atttypid || ':' || atttypmod, 0)) FROM pg_catalog.pg_attribute"
      " WHERE attrelid = pg_catalog.to_regclass({}) AND attnum > 0 AND NOT attisdropped",
      quoted_literal(table));
}

std::string name_of(std::string_view schema, std::string_view table) {
  if (table.empty() || table.size() > max_name_bytes || schema.size() > max_name_bytes) {
    throw ConfigError{
        fmt::format("postgres: a table is NAME or SCHEMA.NAME, each of at most {} bytes (with that "
                    "of the ledger {})",
                    max_name_bytes, sink::ledger_table("NAME"))};
  }
  return schema.empty() ? quoted_name(table) : quoted_name(schema) + '.' + quoted_name(table);
}

}  // namespace

TableNames::TableNames(std::string_view table) {
  const std::size_t dot = table.find('.');
  const bool has_schema = dot != std::string_view::npos;
  const std::string_view schema = has_schema ? table.substr(0, dot) : std::string_view{};
  if (has_schema) table.remove_prefix(dot + 1);
  if (has_schema && schema.empty()) throw ConfigError{"postgres: the table has an empty schema"};
  events = name_of(schema, table);
  ledger = name_of(schema, sink::ledger_table(table));
}

std::string prepare_events_table(Connection& connection, const TableNames& names, bool create) {
  const Outcome found = find_table(connection, names.events, events_columns(), create);
  const std::string_view kind = found.text(0, 0);
  if (kind != "r" && kind != "p") misconfigured(fmt::format("{} is no table", names.events));
  if (found.is_true(0, 1)) {
    misconfigured(fmt::format("the table {} is UNLOGGED: a crash of the server would empty it",
                              names.events));
  }
  check_columns(connection, names.events, found.text(0, 2));
  if (!found.is_true(0, 3)) {
    misconfigured(fmt::format(
        "the table {0} has no unique index of event_id alone (not deferrable, not partial): "
        "ALTER TABLE {0} ADD PRIMARY KEY (event_id)",
        names.events));
  }
  const std::string query = fingerprint_query(names.events);
  const Outcome fingerprint = connection.run(query);
  if (fingerprint.error) throw fingerprint.error->as_error("cannot read the columns");
  return fmt::format("SELECT 1 / (({}) = {})::int; ", query, fingerprint.text(0, 0));
}

void prepare_ledger_table(Connection& connection, const TableNames& names, bool create) {
  find_table(connection, names.ledger, ledger_columns, create);
}

}  // namespace eventcollect::postgres
