#include "drivers/s3/mark.hpp"

#include <fmt/format.h>

#include "eventcollect/clock.hpp"
#include "eventcollect/uuid.hpp"

namespace eventcollect::s3 {
namespace {

constexpr const char* header = "x-amz-meta-eventcollect-write";

}  // namespace

std::string new_mark() { return mint_uuid(system_clock().now()).to_string(); }

std::string mark_header(const std::string& mark) { return fmt::format("{}: {}", header, mark); }

Marked is_marked(Client& client, const std::string& key, const std::string& mark) {
  Request request{.method = "HEAD", .key = key};
  request.expected = {"NotFound"};
  try {
    const Answer answer = client.send(request);
    if (!answer.error.empty()) return Marked::gone;
    return answer.header(header) == mark ? Marked::yes : Marked::no;
  } catch (const Error& error) {
    throw Error{Error::in_doubt, error.what()};
  }
}

}  // namespace eventcollect::s3
