// The ten fields of an event: one list for the readers of events and for the tables of databases.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

namespace eventcollect::event {

// In the order in which a stored line has them.
enum class Field : std::uint8_t {
  event_id,
  event,
  url,
  properties,
  server_time,
  event_time,
  client_time,
  sent_time,
  context,
  violations,
};

// Who sets it: what a client sends for a field of the server is ignored.
enum class FieldOwner : std::uint8_t { client, server };

enum class FieldKind : std::uint8_t { uuid, text, object, array, time };

struct FieldTraits {
  Field field;
  std::string_view name;
  FieldOwner owner;
  bool is_required;  // in a stored event; a client must send `event` alone
  FieldKind kind;
};

inline constexpr std::array event_fields{
    FieldTraits{Field::event_id, "event_id", FieldOwner::client, true, FieldKind::uuid},
    FieldTraits{Field::event, "event", FieldOwner::client, true, FieldKind::text},
    FieldTraits{Field::url, "url", FieldOwner::client, false, FieldKind::text},
    FieldTraits{Field::properties, "properties", FieldOwner::client, true, FieldKind::object},
    FieldTraits{Field::server_time, "server_time", FieldOwner::server, true, FieldKind::time},
    FieldTraits{Field::event_time, "event_time", FieldOwner::server, true, FieldKind::time},
    FieldTraits{Field::client_time, "client_time", FieldOwner::client, false, FieldKind::time},
    FieldTraits{Field::sent_time, "sent_time", FieldOwner::client, false, FieldKind::time},
    FieldTraits{Field::context, "context", FieldOwner::server, false, FieldKind::object},
    FieldTraits{Field::violations, "violations", FieldOwner::server, false, FieldKind::array},
};

inline constexpr std::size_t field_count = event_fields.size();

constexpr std::size_t index_of(Field field) { return static_cast<std::size_t>(field); }
constexpr const FieldTraits& traits_of(Field field) { return event_fields[index_of(field)]; }

static_assert(std::all_of(event_fields.begin(), event_fields.end(),
                          [](const FieldTraits& traits) {
                            return &traits == &traits_of(traits.field);
                          }),
              "event_fields must have the order of Field");

// The order of the columns of a table.
inline constexpr std::array column_order{
    Field::event_id,   Field::server_time, Field::event_time,  Field::event,     Field::url,
    Field::properties, Field::context,     Field::client_time, Field::sent_time, Field::violations,
};

static_assert(std::all_of(event_fields.begin(), event_fields.end(),
                          [](const FieldTraits& traits) {
                            return std::count(column_order.begin(), column_order.end(),
                                              traits.field) == 1;
                          }),
              "each field must have one column");
static_assert(column_order.size() == field_count);

template <std::size_t index>
constexpr bool is_name_of(std::string_view name) {
  constexpr std::string_view own = event_fields[index].name;
  return own == name;
}

// The index of the field with this name, or field_count. It runs for every member, so it is in the
// header and unrolled: each comparison is with a constant.
inline std::size_t find_field(std::string_view name) {
  return [name]<std::size_t... index>(std::index_sequence<index...>) {
    std::size_t found = field_count;
    static_cast<void>(((is_name_of<index>(name) ? (found = index, true) : false) || ...));
    return found;
  }
  (std::make_index_sequence<field_count>{});
}

}  // namespace eventcollect::event
