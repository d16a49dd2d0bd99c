// Calling a user's sink without being surprised by what it throws.
#pragma once

#include <exception>
#include <optional>
#include <string>

#include "eventcollect/sink.hpp"

namespace eventcollect::sink {

// Runs `call` and returns what went wrong, if anything did. An exception of another type than
// Error counts as in doubt: how far the sink had come is not known.
template <typename Call>
std::optional<Error> guard(Call&& call) {
  try {
    call();
    return {};
  } catch (const Error& error) {
    return error;
  } catch (const std::exception& error) {
    return Error{Error::in_doubt, std::string{"the sink threw "} + error.what()};
  } catch (...) {
    return Error{Error::in_doubt, "the sink threw something that is not a std::exception"};
  }
}

}  // namespace eventcollect::sink
