#include "base/format.hpp"

namespace eventcollect::base {

void append_formatted(std::string& out, fmt::string_view format, fmt::format_args values) {
  out += fmt::vformat(format, values);
}

}  // namespace eventcollect::base
