// What a sink, a source or a store throws where it cannot do its work, through no fault of an
// event.
//
//   try {
//     sink.write(batch, rejections);
//   } catch (const Error& error) {
//     if (error.kind() == Error::misconfigured) throw;
//     …                                                    // later it may work
//   }
//
// What is wrong with a URL or an option is a ConfigError (url.hpp); what is wrong with an event is
// a Rejection (rejection.hpp), which is no exception.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

namespace eventcollect {

// The kind answers what the caller has to know: is it worth trying again? Of a tee it is that of
// the branch that failed, though the other branches have the events. The message names what failed,
// and holds no secret and no content of an event.
class Error : public std::runtime_error {
 public:
  enum Kind : std::uint8_t {
    unavailable,    // nothing was stored; later it may work
    misconfigured,  // nothing was stored, and nothing will be until an operator mends it
    in_doubt,       // it may or may not be stored; writing it again is safe where ids are unique
  };

  Error(Kind kind, const std::string& message) : std::runtime_error{message}, kind_{kind} {}

  Kind kind() const { return kind_; }

 private:
  Kind kind_;
};

}  // namespace eventcollect
