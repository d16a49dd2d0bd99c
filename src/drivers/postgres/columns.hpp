// The columns that an event is stored in, in the order in which everything here names them.
#pragma once

#include <array>
#include <string_view>

namespace eventcollect::postgres {

struct Column {
  std::string_view name;
  std::string_view type;  // as format_type() writes it
  bool is_required;
};

inline constexpr std::array columns{
    Column{"event_id", "uuid", true},
    Column{"server_time", "timestamp with time zone", true},
    Column{"event_time", "timestamp with time zone", true},
    Column{"event", "text", true},
    Column{"url", "text", false},
    Column{"properties", "jsonb", true},
    Column{"context", "jsonb", false},
    Column{"client_time", "timestamp with time zone", false},
    Column{"sent_time", "timestamp with time zone", false},
    Column{"violations", "jsonb", false},
};

inline constexpr std::string_view column_list =
    "event_id,server_time,event_time,event,url,properties,context,client_time,sent_time,violations";

}  // namespace eventcollect::postgres
