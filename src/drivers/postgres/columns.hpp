// The columns that an event is stored in, in the order in which everything here names them.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "event/column_list.hpp"
#include "event/fields.hpp"

namespace eventcollect::postgres {

struct Column {
  std::string_view name;
  std::string_view type;  // as format_type() writes it
  bool is_required;
};

constexpr std::string_view type_of(event::FieldKind kind) {
  switch (kind) {
    case event::FieldKind::uuid:
      return "uuid";
    case event::FieldKind::text:
      return "text";
    case event::FieldKind::object:
    case event::FieldKind::array:
      return "jsonb";
    case event::FieldKind::time:
      return "timestamp with time zone";
  }
  return {};
}

inline constexpr std::array columns = [] {
  std::array<Column, event::column_order.size()> made{};
  for (std::size_t i = 0; i < made.size(); ++i) {
    const event::FieldTraits& traits = event::traits_of(event::column_order[i]);
    made[i] = {traits.name, type_of(traits.kind), traits.is_required};
  }
  return made;
}();

using event::column_list;

}  // namespace eventcollect::postgres
