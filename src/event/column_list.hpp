// The columns of a table of events where a statement lists them.
#pragma once

#include <string_view>

#include "event/fields.hpp"

namespace eventcollect::event {

inline constexpr std::string_view column_list =
    "event_id,server_time,event_time,event,url,properties,context,client_time,sent_time,violations";

static_assert(
    [] {
      std::string_view rest = column_list;
      for (const Field field : column_order) {
        if (!rest.starts_with(traits_of(field).name)) return false;
        rest.remove_prefix(traits_of(field).name.size());
        if (rest.starts_with(',')) rest.remove_prefix(1);
      }
      return rest.empty();
    }(),
    "column_list must name the columns in their order");

}  // namespace eventcollect::event
