#include "server/site.hpp"

#include <algorithm>

#include "base/ascii.hpp"
#include "http/response.hpp"

namespace eventcollect {
namespace {

// A request as the endpoint wants it. Its views are into the one that it was made of, and into
// this.
class EndpointRequest {
 public:
  explicit EndpointRequest(const FrontRequest& from) {
    view.method = from.head.method;
    view.path = from.head.path;
    view.peer = from.peer;
    view.body = from.body;
    for (const HttpHead::Field& field : from.head.fields) add(field);
  }
  EndpointRequest(const EndpointRequest&) = delete;
  EndpointRequest& operator=(const EndpointRequest&) = delete;

  Request view;

 private:
  void add(const HttpHead::Field& field) {
    for (const RequestHeader& wanted : request_headers) {
      if (!equals_ignoring_case(field.name, wanted.name)) continue;
      std::string_view& member = view.*wanted.member;
      if (member.empty()) {
        member = field.value;
      } else if (wanted.member == &Request::forwarded_for) {
        // Several lines are one list (RFC 9110, section 5.3).
        forwarded_for_ = std::string{member} + ", " + std::string{field.value};
        member = forwarded_for_;
      }
      return;
    }
  }

  std::string forwarded_for_;
};

}  // namespace

void Site::add(const std::string& path, Page page) {
  pages_.push_back(path);
  handlers_.Get(path, [page = std::move(page)](const httplib::Request&,
                                               httplib::Response& response) { page(response); });
}

bool Site::is_for_endpoint(const FrontRequest& request) const {
  return endpoint_ != nullptr && request.head.path == endpoint_->options().path;
}

std::optional<Response> Site::before_body(const FrontRequest& request) {
  if (is_for_endpoint(request)) return endpoint_->before_body(EndpointRequest{request}.view);
  const bool is_page = std::find(pages_.begin(), pages_.end(), request.head.path) != pages_.end();
  if (!is_page) return plain_response(404, "There is nothing at this path.");
  if (request.head.method == "GET" || request.head.method == "HEAD") {
    return handlers_.answer(request.head.method, request.head.path);
  }
  Response response = plain_response(405, "This is only to be read.");
  response.headers.emplace_back("Allow", "GET, HEAD");
  return response;
}

std::size_t Site::max_body_bytes() const {
  return endpoint_ == nullptr ? 0 : endpoint_->options().max_body_bytes;
}

Response Site::too_large(const FrontRequest& request) {
  return endpoint_->too_large(EndpointRequest{request}.view);
}

void Site::handle(const FrontRequest& request, std::function<void(Response)> respond) {
  endpoint_->handle(EndpointRequest{request}.view, std::move(respond));
}

}  // namespace eventcollect
