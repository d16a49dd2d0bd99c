// What the system says of an error.
#pragma once

#include <cerrno>
#include <cstdint>
#include <string>
#include <system_error>

namespace eventcollect::base {

// "No such file or directory" for ENOENT, and for -ENOENT, which FileSystem's functions return.
inline std::string errno_text(std::int64_t error) {
  // The system's words are about links to links.
  if (error == ELOOP || error == -ELOOP) return "it is a symbolic link";
  return std::generic_category().message(static_cast<int>(error < 0 ? -error : error));
}

}  // namespace eventcollect::base
