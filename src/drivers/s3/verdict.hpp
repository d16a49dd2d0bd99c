// What to make of an answer, or of none.
#pragma once

#include <cstdint>
#include <string>

#include "drivers/s3/client.hpp"
#include "drivers/s3/http.hpp"

namespace eventcollect::s3 {

struct Verdict {
  enum Kind : std::uint8_t {
    success,
    expected,     // an error that the caller wants to know of
    again,        // may be gone with the next attempt
    rejected,     // so are the credentials
    unavailable,  // no attempt will help now
    misconfigured,
  };
  Kind kind = success;
  std::string code;  // S3's, where it has one
  std::string why;   // in words, unless it is a success; no secret, nothing that the store wrote
  bool may_be_done = false;  // the store may have done what was asked, and failed to say so
};

Verdict judge(const Request& request, const HttpResponse& response);

}  // namespace eventcollect::s3
