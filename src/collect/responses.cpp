#include "collect/responses.hpp"

#include <fmt/format.h>

#include <string>

#include "base/format.hpp"
#include "eventcollect/codes.hpp"
#include "json/text.hpp"

namespace eventcollect::collect {

using base::append_format;

namespace {

constexpr std::string_view problem_type = "application/problem+json";

// Of one rejection in an answer: what a client sent must not come back many times as large.
constexpr std::size_t max_rejection_bytes = 600;

void append_rejection(std::string& out, const Rejection& rejection) {
  const std::size_t begin = out.size();
  append_format(out, R"({{"index":{})", rejection.index);
  if (rejection.event_id) {
    append_format(out, R"(,"event_id":"{}")", rejection.event_id->to_string());
  }
  append_format(out, R"(,"code":"{}","pointer":)", rejection.code);
  json::append_short_string(out, rejection.pointer, max_pointer_bytes);
  out += R"(,"message":)";
  constexpr std::string_view end = "\"\"}";
  json::append_short_string(out, rejection.message,
                            begin + max_rejection_bytes - out.size() - end.size());
  out.push_back('}');
}

std::string rejected_list(const std::vector<Rejection>& rejected) {
  std::string list = "[";
  for (const Rejection& rejection : rejected) {
    if (list.size() > 1) list.push_back(',');
    append_rejection(list, rejection);
  }
  list.push_back(']');
  return list;
}

Response unavailable(std::string_view code, std::string_view detail,
                     std::chrono::seconds retry_after) {
  Response response = problem(503, code, "Service unavailable", detail);
  response.headers.emplace_back("Retry-After", std::to_string(retry_after.count()));
  return response;
}

}  // namespace

Response problem(int status, std::string_view code, std::string_view title, std::string_view detail,
                 const std::vector<Rejection>& rejected) {
  Response response;
  response.status = status;
  response.headers.emplace_back("Content-Type", problem_type);
  response.body = R"({"type":"about:blank","title":)";
  json::append_string(response.body, title);
  append_format(response.body, R"(,"status":{},"code":)", status);
  json::append_string(response.body, code);
  response.body += R"(,"detail":)";
  json::append_string(response.body, detail);
  if (!rejected.empty()) {
    response.body += R"(,"accepted":0,"rejected":)" + rejected_list(rejected);
  }
  response.body.push_back('}');
  return response;
}

Response response_to(const Receipt& receipt) {
  if (receipt.rejected == 0) return {202, {}, {}};
  if (receipt.accepted > 0) {
    return {202,
            {{"Content-Type", "application/json"}},
            fmt::format(R"({{"accepted":{},"rejected":{}}})", receipt.accepted,
                        rejected_list(receipt.rejections))};
  }
  const Rejection& first = receipt.rejections.front();
  if (first.code == code::body_too_many_events) {
    return problem(413, first.code, "Content too large", first.message);
  }
  return problem(400, first.code, "No event accepted", first.message, receipt.rejections);
}

Response response_to(const Error& failure, std::chrono::seconds retry_after) {
  if (failure.kind() == Error::in_doubt) {
    return unavailable(code::sink_in_doubt,
                       "It is not known whether the events are stored. Send them again with the "
                       "same event_id.",
                       retry_after);
  }
  return unavailable(code::sink_unavailable,
                     "The events could not be stored. Send them again later.", retry_after);
}

Response clock_is_wrong(std::chrono::seconds retry_after) {
  return unavailable(code::clock_wrong,
                     "The server's clock is wrong, so events cannot be stamped. Send them again "
                     "later.",
                     retry_after);
}

}  // namespace eventcollect::collect
