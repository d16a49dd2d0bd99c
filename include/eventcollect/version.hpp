// The library's version, in one place: CMake and the package files read it from here.
#pragma once

#include <string_view>

#define EVENTCOLLECT_VERSION_MAJOR 0
#define EVENTCOLLECT_VERSION_MINOR 1
#define EVENTCOLLECT_VERSION_PATCH 0

namespace eventcollect {

// "MAJOR.MINOR.PATCH" (semantic versioning; before 1.0 a new minor version may break callers).
#define EVENTCOLLECT_TEXT_OF(value) #value
#define EVENTCOLLECT_DOTTED(a, b, c) \
  EVENTCOLLECT_TEXT_OF(a) "." EVENTCOLLECT_TEXT_OF(b) "." EVENTCOLLECT_TEXT_OF(c)
inline constexpr std::string_view version = EVENTCOLLECT_DOTTED(
    EVENTCOLLECT_VERSION_MAJOR, EVENTCOLLECT_VERSION_MINOR, EVENTCOLLECT_VERSION_PATCH);
#undef EVENTCOLLECT_DOTTED
#undef EVENTCOLLECT_TEXT_OF

}  // namespace eventcollect
