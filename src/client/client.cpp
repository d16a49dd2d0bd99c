#include "eventcollect/client.hpp"

#include <fmt/format.h>

#include "base/checksum.hpp"
#include "client/script.hpp"

namespace eventcollect {

namespace {

// Any of the tags in the list will do, also as a proxy that compresses has weakened it.
bool has_current(std::string_view if_none_match, std::string_view etag) {
  return if_none_match == "*" || if_none_match.find(etag) != std::string_view::npos;
}

}  // namespace

std::string client_path(std::string_view events_path) {
  return std::string{events_path} + "/client.js";
}

std::string_view client_version() {
  static const std::string version = fmt::format("{:08x}", base::checksum(client::script));
  return version;
}

Response client_response(const Request& request) {
  if (request.method != "GET" && request.method != "HEAD") {
    return {405,
            {{"Allow", "GET, HEAD"}, {"Content-Type", "text/plain; charset=utf-8"}},
            "Only GET and HEAD are allowed.\n"};
  }
  const std::string etag = fmt::format("\"{}\"", client_version());
  const bool names_version = request.query == fmt::format("v={}", client_version());
  Response response;
  response.status = has_current(request.if_none_match, etag) ? 304 : 200;
  response.headers = {
      {"ETag", etag},
      {"Cache-Control", names_version ? "public, max-age=31536000, immutable" : "no-cache"}};
  if (response.status == 304) return response;
  response.headers.emplace_back("Content-Type", "text/javascript; charset=utf-8");
  response.body = client::script;
  return response;
}

}  // namespace eventcollect
