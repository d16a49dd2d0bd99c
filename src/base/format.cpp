#include "base/format.hpp"

#include <iterator>

namespace eventcollect::base {

void append_formatted(std::string& out, fmt::string_view format, fmt::format_args values) {
  fmt::vformat_to(std::back_inserter(out), format, values);
}

}  // namespace eventcollect::base
