// A request and a response as values, between a web framework and the endpoint (see endpoint.hpp).
#pragma once

#include <array>
#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace eventcollect {

// What an endpoint wants to know of an HTTP request. A header that is missing is an empty view.
// All views have to live until the endpoint has returned.
struct Request {
  std::string_view method{};
  std::string_view path{};   // without the query
  std::string_view query{};  // what follows '?', as it came
  std::string_view content_type{};
  std::string_view content_encoding{};
  std::string_view origin{};
  std::string_view host{};
  std::string_view sec_fetch_site{};
  std::string_view forwarded_host{};
  std::string_view forwarded_for{};  // of the header that EndpointOptions::client_ip_header names
  std::string_view user_agent{};
  std::string_view referrer{};
  std::string_view requested_headers{};  // by a preflight
  std::string_view authorization{};
  std::string_view if_none_match{};
  std::string_view peer{};  // the other end's address, as text
  std::string_view body{};
  std::chrono::milliseconds upload_time{};  // from its first byte to its last, where it is known
  bool body_is_decoded = false;             // the framework has undone content_encoding already
  bool is_admitted = false;  // before_body() had no objection: handle() does not ask it again
};

inline constexpr std::string_view default_client_ip_header = "X-Forwarded-For";

// Where each header goes, so that an adapter is a loop.
struct RequestHeader {
  std::string_view name;
  std::string_view Request::*member;
};
inline constexpr std::array<RequestHeader, 12> request_headers{{
    {"Content-Type", &Request::content_type},
    {"Content-Encoding", &Request::content_encoding},
    {"Origin", &Request::origin},
    {"Host", &Request::host},
    {"Sec-Fetch-Site", &Request::sec_fetch_site},
    {"X-Forwarded-Host", &Request::forwarded_host},
    {default_client_ip_header, &Request::forwarded_for},
    {"User-Agent", &Request::user_agent},
    {"Referer", &Request::referrer},
    {"Access-Control-Request-Headers", &Request::requested_headers},
    {"Authorization", &Request::authorization},
    {"If-None-Match", &Request::if_none_match},
}};

// A value type. The header names are in their usual spelling; Content-Length and Connection are the
// framework's to add.
struct Response {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers{};
  std::string body{};
};

}  // namespace eventcollect
