// A step of a scripted sink or source that fails.
#pragma once

#include <string>
#include <utility>

#include "eventcollect/error.hpp"

namespace eventcollect::test {

// Whatever it is called with.
inline auto fail(Error::Kind kind, std::string message = "told to fail") {
  return [kind, message = std::move(message)](auto&&...) { throw Error{kind, message}; };
}

}  // namespace eventcollect::test
