#include "eventcollect/endpoint.hpp"

#include <fmt/format.h>

#include <array>
#include <atomic>
#include <new>
#include <stdexcept>
#include <utility>

#include "base/ascii.hpp"
#include "base/printable.hpp"
#include "collect/calls_out.hpp"
#include "collect/intake.hpp"
#include "collect/origin_rules.hpp"
#include "collect/request_body.hpp"
#include "collect/request_context.hpp"
#include "collect/responses.hpp"
#include "collect/trusted_proxies.hpp"
#include "eventcollect/codes.hpp"
#include "eventcollect/url.hpp"

namespace eventcollect {

using base::is_token;
using collect::body_too_large;
using collect::check_body_headers;
using collect::clock_is_wrong;
using collect::OriginRules;
using collect::problem;
using collect::read_body;
using collect::request_context;
using collect::RequestBody;
using collect::response_to;
using collect::TrustedProxies;

namespace {

void check_path(std::string_view path) {
  if (path.starts_with('/') && path.find_first_of("?#") == std::string_view::npos) return;
  throw ConfigError{fmt::format("path: {} must begin with '/' and contain neither '?' nor '#'",
                                base::in_quotes(path))};
}

void check_client_ip_header(const EndpointOptions& options) {
  const std::string& name = options.client_ip_header;
  if (!is_token(name)) {
    throw ConfigError{
        fmt::format("client-ip-header: {} is not the name of a header", base::in_quotes(name))};
  }
  if (name != default_client_ip_header && options.trusted_proxies.empty()) {
    throw ConfigError{
        fmt::format("client-ip-header: {} counts only from a trusted proxy, and there is none",
                    base::in_quotes(name))};
  }
}

}  // namespace

struct Endpoint::State {
  // What the collector takes of a request.
  struct Content {
    RequestBody body;
    std::string context;
    std::chrono::milliseconds upload_time{};

    RequestInfo info() const { return {body.format, context, upload_time}; }
  };

  State(std::shared_ptr<collect::Intake> intake_, EndpointOptions options_);

  std::optional<Response> before_body(const Request& request) const;

  // Fills `content`, or returns the response that says what is wrong.
  std::optional<Response> read(const Request& request, Content& content) const;

  Response failed(const Error& failure) const;

  // Counts the response and adds what an allowed origin needs to read it.
  Response finish(std::string_view origin, Response response);

  // The same for what became of the events. Short of memory it is a bare 503, which takes none:
  // a thread that writes must not end for an answer.
  Response finish(std::string_view origin, const Receipt& receipt, const Error* failure) noexcept;

  const std::shared_ptr<collect::Intake> intake;
  const EndpointOptions options;
  const TrustedProxies proxies;
  const OriginRules origins;
  std::array<std::atomic<std::uint64_t>, 600> responses{};  // by status
};

Endpoint::State::State(std::shared_ptr<collect::Intake> intake_, EndpointOptions options_)
    : intake{std::move(intake_)},
      options{std::move(options_)},
      proxies{options.trusted_proxies},
      origins{options.allowed_origins, proxies} {
  check_path(options.path);
  check_client_ip_header(options);
}

std::optional<Response> Endpoint::State::before_body(const Request& request) const {
  if (request.path != options.path) {
    return problem(404, code::path_not_found, "Not found", "There is nothing at this path.");
  }
  if (request.method == "OPTIONS") return origins.preflight(request);
  if (request.method != "POST") {
    Response response = problem(405, code::method_not_allowed, "Method not allowed",
                                "Only POST and OPTIONS are allowed.");
    response.headers.emplace_back("Allow", "POST, OPTIONS");
    return response;
  }
  if (auto rejected = origins.check(request)) return rejected;
  return check_body_headers(request);
}

std::optional<Response> Endpoint::State::read(const Request& request, Content& content) const {
  if (!request.is_admitted) {
    if (auto early = before_body(request)) return early;
  }
  if (auto wrong = read_body(request, options.max_body_bytes, content.body)) return wrong;
  content.upload_time = request.upload_time;
  content.context = request_context(request, options.context, intake->options().rules, proxies);
  return {};
}

// With a wrong clock the collector accepts nothing, whatever its sink could do.
Response Endpoint::State::failed(const Error& failure) const {
  const bool is_not_stored = failure.kind() != Error::in_doubt;
  if (is_not_stored && intake->is_clock_wrong()) return clock_is_wrong(options.retry_after);
  return response_to(failure, options.retry_after);
}

Response Endpoint::State::finish(std::string_view origin, Response response) {
  origins.add_headers(origin, response);
  responses.at(static_cast<std::size_t>(response.status)).fetch_add(1, std::memory_order_relaxed);
  return response;
}

Response Endpoint::State::finish(std::string_view origin, const Receipt& receipt,
                                 const Error* failure) noexcept {
  try {
    return finish(origin, failure != nullptr ? failed(*failure) : response_to(receipt));
  } catch (const std::bad_alloc&) {
    responses[503].fetch_add(1, std::memory_order_relaxed);
    return {503, {}, {}};
  }
}

void check(const EndpointOptions& options) {
  check_path(options.path);
  check_client_ip_header(options);
  const TrustedProxies proxies{options.trusted_proxies};
  static_cast<void>(OriginRules{options.allowed_origins, proxies});
}

Endpoint::Endpoint(Collector& collector, EndpointOptions options)
    : state_{std::make_shared<State>(collector.intake_, std::move(options))} {}

const EndpointOptions& Endpoint::options() const { return state_->options; }

std::optional<Response> Endpoint::before_body(const Request& request) const {
  auto response = state_->before_body(request);
  if (response) response = state_->finish(request.origin, *std::move(response));
  return response;
}

Response Endpoint::too_large(const Request& request) const {
  return state_->finish(request.origin, body_too_large(state_->options.max_body_bytes));
}

Response Endpoint::handle(const Request& request) const {
  State::Content content;
  if (auto early = state_->read(request, content)) {
    return state_->finish(request.origin, *std::move(early));
  }
  try {
    const Receipt receipt = state_->intake->collect(content.body.text, content.info());
    return state_->finish(request.origin, receipt, nullptr);
  } catch (const Error& failure) {
    return state_->finish(request.origin, {}, &failure);
  }
}

void Endpoint::handle(const Request& request, std::function<void(Response)> respond) const {
  if (!respond) throw std::invalid_argument{"handle needs a function that responds"};
  State::Content content;
  if (auto early = state_->read(request, content)) {
    return respond(state_->finish(request.origin, *std::move(early)));
  }
  // Where this is called by a response, the intake throws what fails at once.
  std::function<void(Response)> respond_at_once;
  if (collect::is_calling_out()) respond_at_once = respond;
  try {
    state_->intake->collect(
        content.body.text,
        [state = state_, origin = std::string{request.origin}, respond = std::move(respond)](
            const Receipt& receipt, const Error* failure) {
          respond(state->finish(origin, receipt, failure));
        },
        content.info());
  } catch (const Error& failure) {
    respond_at_once(state_->finish(request.origin, {}, &failure));
  }
}

EndpointStatistics Endpoint::statistics() const {
  EndpointStatistics statistics;
  for (std::size_t status = 0; status < state_->responses.size(); ++status) {
    const std::uint64_t count = state_->responses[status].load(std::memory_order_relaxed);
    if (count > 0) statistics.responses.emplace_back(static_cast<int>(status), count);
  }
  return statistics;
}

}  // namespace eventcollect
