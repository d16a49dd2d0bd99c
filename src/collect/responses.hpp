// The endpoint's responses.
#pragma once

#include <chrono>
#include <string_view>
#include <vector>

#include "eventcollect/collector.hpp"
#include "eventcollect/http.hpp"

namespace eventcollect::collect {

// application/problem+json (RFC 9457), with `code` and, if there are any, `rejected` as extension
// members.
Response problem(int status, std::string_view code, std::string_view title, std::string_view detail,
                 const std::vector<Rejection>& rejected = {});

Response response_to(const Receipt& receipt);

// `failure` itself is for the operator's log and is not told to clients.
Response response_to(const Error& failure, std::chrono::seconds retry_after);
Response clock_is_wrong(std::chrono::seconds retry_after);

}  // namespace eventcollect::collect
