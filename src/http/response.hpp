// Responses as HTTP/1.1 text.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "eventcollect/http.hpp"

namespace eventcollect::http {

// What an answer says of its connection.
enum class Persistence : std::uint8_t {
  as_usual,    // nothing: it stays, as HTTP/1.1 has it
  keep_alive,  // it stays, since an HTTP/1.0 client asked for that
  close,       // it ends with this answer
};

// A body that is in memory once, whoever is sent it. Null for a response that has its own.
using SharedBody = std::shared_ptr<const std::string>;

// What a front sends: a response, and the body that it shares with others, if any, in place of its
// own.
struct Answer {
  Answer(Response response_, SharedBody shared_body_ = nullptr)
      : response{std::move(response_)}, shared_body{std::move(shared_body_)} {}

  const std::string& body() const { return shared_body ? *shared_body : response.body; }

  Response response;
  SharedBody shared_body;
};

// Appends the response's head, for a body of so many bytes, also with Content-Length and Date.
void append_head(std::string& out, const Response& response, std::size_t body_bytes,
                 Persistence persistence, std::string_view date);

// A response of a sentence as plain text.
Response plain_response(int status, std::string_view sentence);

}  // namespace eventcollect::http
