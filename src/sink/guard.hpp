// Calling a user's sink, or handler, without being surprised by what it throws.
#pragma once

#include <exception>
#include <new>
#include <optional>
#include <string>
#include <string_view>

#include "eventcollect/sink.hpp"

namespace eventcollect::sink {

// What is said where memory is too short to say more. Once it was made, a copy takes none.
inline const Error& out_of_memory() {
  static const Error error{Error::in_doubt, "out of memory"};
  return error;
}

// Before main, while there is memory to make it.
inline const Error& made_out_of_memory = out_of_memory();

// What is said of an exception that is no Error.
inline Error error_of(std::string_view thrown) {
  try {
    return {Error::in_doubt, std::string{"the sink threw "}.append(thrown)};
  } catch (const std::bad_alloc&) {
    return out_of_memory();
  }
}

// Runs `call` and returns what went wrong, if anything did. An exception of another type than
// Error counts as in doubt: how far the sink had come is not known.
template <typename Call>
std::optional<Error> guard(Call&& call) {
  try {
    call();
    return {};
  } catch (const Error& error) {
    return error;
  } catch (const std::bad_alloc&) {
    return out_of_memory();
  } catch (const std::exception& error) {
    return error_of(error.what());
  } catch (...) {
    return error_of("something that is not a std::exception");
  }
}

// Calls a handler or a completion, unless it is empty. One that runs out of memory must not
// end the thread that calls it.
template <typename Function, typename... Args>
void tell(const Function& function, const Args&... args) {
  if (!function) return;
  try {
    function(args...);
  } catch (const std::bad_alloc&) {
  }
}

// Sink::write of a sink that may be a user's. Throws what it throws, and Error (in doubt) where it
// has rejected an event of another batch: what became of this one is not known then.
inline void checked_write(Sink& sink, const Batch& batch, Rejections& rejections) {
  sink.write(batch, rejections);
  for (const Rejection& rejection : rejections) {
    const bool is_of_batch =
        rejection.index < batch.size() && rejection.event_id == batch[rejection.index].id;
    if (!is_of_batch) {
      throw Error{Error::in_doubt, "the sink rejected an event that is not of the batch"};
    }
  }
}

}  // namespace eventcollect::sink
