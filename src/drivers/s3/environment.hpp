// The environment's variables as text.
#pragma once

#include <cstdlib>
#include <string>

namespace eventcollect::s3 {

// Empty where it is not set.
inline std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

}  // namespace eventcollect::s3
