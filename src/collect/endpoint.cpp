#include "eventcollect/endpoint.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>

#include "base/format.hpp"
#include "base/inflate.hpp"
#include "base/ip_network.hpp"
#include "event/page_url.hpp"
#include "eventcollect/url.hpp"
#include "json/text.hpp"

namespace eventcollect {
namespace {

constexpr std::size_t max_user_agent_bytes = 1 << 10;
constexpr std::string_view problem_type = "application/problem+json";

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trim(std::string_view text) {
  const std::size_t begin = std::min(text.find_first_not_of(" \t"), text.size());
  return text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

// What of an address is compared with Host: what follows the scheme.
std::string_view host_of(std::string_view origin) {
  const std::size_t slashes = origin.find("://");
  return slashes == std::string_view::npos ? std::string_view{} : origin.substr(slashes + 3);
}

std::optional<BodyFormat> format_of(std::string_view content_type) {
  const std::string_view type = trim(content_type.substr(0, content_type.find(';')));
  // text/plain is what sendBeacon sends a string as.
  if (equal_ignoring_case(type, "application/json") || equal_ignoring_case(type, "text/plain")) {
    return BodyFormat::json;
  }
  if (equal_ignoring_case(type, "application/x-ndjson")) return BodyFormat::ndjson;
  return {};
}

bool is_gzip(std::string_view content_encoding) {
  return equal_ignoring_case(content_encoding, "gzip") ||
         equal_ignoring_case(content_encoding, "x-gzip");
}

bool is_identity(std::string_view content_encoding) {
  return content_encoding.empty() || equal_ignoring_case(content_encoding, "identity");
}

void append_rejection(std::string& out, const Rejection& rejection) {
  append_format(out, R"({{"index":{})", rejection.index);
  if (rejection.event_id) {
    append_format(out, R"(,"event_id":"{}")", rejection.event_id->to_string());
  }
  const std::pair<std::string_view, std::string_view> members[] = {
      {"code", rejection.code}, {"pointer", rejection.pointer}, {"message", rejection.message}};
  for (const auto& [name, value] : members) {
    append_format(out, ",\"{}\":", name);
    json::append_string(out, value);
  }
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

// RFC 9457, with `code` and, if there are any, `rejected` as extension members.
Response problem(int status, std::string_view code, std::string_view title, std::string_view detail,
                 const std::vector<Rejection>& rejected = {}) {
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

void check_origin_option(std::string_view origin) {
  const std::string_view host = host_of(origin);
  const bool has_both = !host.empty() && !origin.starts_with("://");
  if (has_both && host.find_first_of("/?#@*, ") == std::string_view::npos) return;
  throw ConfigError{fmt::format(
      "allow-origin: '{}' is not an origin: write scheme and host alone, as in https://example.org",
      origin)};
}

}  // namespace

struct Endpoint::State {
  State(Collector& collector_, EndpointOptions options_);

  Collector& collector;
  const EndpointOptions options;
  std::vector<Network> trusted;
  std::array<std::atomic<std::uint64_t>, 600> responses{};  // by status

  // What is collected of a request.
  struct Content {
    std::string_view body;
    std::string inflated;
    std::string context;
    BodyFormat format = BodyFormat::json;
  };

  bool is_trusted(std::string_view address) const;
  bool is_allowed(std::string_view origin) const;
  bool is_own_site(const Request& request) const;
  std::optional<Response> check_origin(const Request& request) const;
  Response preflight(const Request& request) const;
  std::optional<Response> before_body(const Request& request) const;
  std::optional<Response> read(const Request& request, Content& content) const;
  Response too_large() const;
  std::string_view client_address(const Request& request) const;
  std::string context_of(const Request& request) const;
  Response answer(const Receipt& receipt) const;
  Response answer(const Error& failure) const;
  Response finish(std::string_view origin, Response response);
};

Endpoint::State::State(Collector& collector_, EndpointOptions options_)
    : collector{collector_}, options{std::move(options_)} {
  check(options);
  for (const std::string& proxy : options.trusted_proxies) {
    trusted.push_back(*Network::parse(proxy));
  }
}

bool Endpoint::State::is_trusted(std::string_view address) const {
  if (trusted.empty()) return false;
  const auto parsed = Network::parse(address);
  return parsed && std::any_of(trusted.begin(), trusted.end(),
                               [&](const Network& network) { return network.contains(*parsed); });
}

bool Endpoint::State::is_allowed(std::string_view origin) const {
  const auto& allowed = options.allowed_origins;
  return std::any_of(allowed.begin(), allowed.end(), [&](const std::string& candidate) {
    return equal_ignoring_case(candidate, origin);
  });
}

// Whether a browser says, or the addresses show, that the page is of the site that we serve.
bool Endpoint::State::is_own_site(const Request& request) const {
  if (!request.sec_fetch_site.empty()) {
    return request.sec_fetch_site == "same-origin" || request.sec_fetch_site == "none";
  }
  if (request.origin.empty()) return true;  // no browser's cross-site request comes without
  const std::string_view from = host_of(request.origin);
  if (from.empty()) return false;
  if (equal_ignoring_case(from, request.host)) return true;
  return is_trusted(request.peer) && equal_ignoring_case(from, request.forwarded_host);
}

std::optional<Response> Endpoint::State::check_origin(const Request& request) const {
  if (is_own_site(request) || is_allowed(request.origin)) return {};
  if (host_of(request.origin).empty()) {
    return problem(403, code::origin_rejected, "Origin rejected",
                   "The request comes from another site, and does not say from which one.");
  }
  return problem(
      403, code::origin_rejected, "Origin rejected",
      fmt::format("The page's origin '{}' is neither that of the Host '{}' nor allowed. If it is "
                  "yours, allow it (--allow-origin {}). Behind nginx the line `proxy_set_header "
                  "Host $http_host;` keeps the Host.",
                  request.origin, request.host, request.origin));
}

Response Endpoint::State::preflight(const Request& request) const {
  if (request.origin.empty()) return {204, {{"Allow", "POST, OPTIONS"}}, {}};
  if (auto rejected = check_origin(request)) return *std::move(rejected);
  return {204,
          {{"Access-Control-Allow-Methods", "POST"},
           {"Access-Control-Allow-Headers", "Content-Type, Content-Encoding"},
           {"Access-Control-Max-Age", "86400"}},
          {}};
}

std::optional<Response> Endpoint::State::before_body(const Request& request) const {
  if (request.path != options.path) {
    return problem(404, code::path_not_found, "Not found", "There is nothing at this path.");
  }
  if (request.method == "OPTIONS") return preflight(request);
  if (request.method != "POST") {
    Response response = problem(405, code::method_not_allowed, "Method not allowed",
                                "Events are sent here with POST.");
    response.headers.emplace_back("Allow", "POST, OPTIONS");
    return response;
  }
  if (auto rejected = check_origin(request)) return rejected;
  if (!format_of(request.content_type)) {
    return problem(415, code::content_type_unsupported, "Unsupported media type",
                   "Send application/json, text/plain (with JSON in it) or application/x-ndjson.");
  }
  if (!is_identity(request.content_encoding) && !is_gzip(request.content_encoding)) {
    return problem(415, code::content_encoding_unsupported, "Unsupported content coding",
                   "A body may be coded with gzip or not at all.");
  }
  return {};
}

Response Endpoint::State::too_large() const {
  return problem(413, code::body_too_large, "Content too large",
                 fmt::format("A body may have {} bytes.", options.max_body_bytes));
}

// Fills `content`, or says why not.
std::optional<Response> Endpoint::State::read(const Request& request, Content& content) const {
  if (!request.is_admitted) {
    if (auto early = before_body(request)) return early;
  }
  content.format = *format_of(request.content_type);
  content.body = request.body;
  if (request.body.size() > options.max_body_bytes) return too_large();
  if (is_gzip(request.content_encoding) && !request.body_is_decoded) {
    switch (inflate_gzip(request.body, options.max_body_bytes, content.inflated)) {
      case Inflated::whole:
        content.body = content.inflated;
        break;
      case Inflated::too_large:
        return too_large();
      case Inflated::damaged:
        return problem(400, code::body_not_gzip, "Bad request",
                       "The body is not gzip, or not all of it came.");
    }
  }
  content.context = context_of(request);
  return {};
}

// Who sent it: the last address in the forwarding chain that is no proxy of ours.
std::string_view Endpoint::State::client_address(const Request& request) const {
  std::string_view address = request.peer;
  std::string_view chain = request.forwarded_for;
  while (is_trusted(address) && !chain.empty()) {
    const std::size_t comma = chain.rfind(',');
    address = trim(comma == std::string_view::npos ? chain : chain.substr(comma + 1));
    chain = chain.substr(0, comma == std::string_view::npos ? 0 : comma);
  }
  return address;
}

std::string Endpoint::State::context_of(const Request& request) const {
  std::string context;
  const auto add = [&](std::string_view name, std::string_view value) {
    // No database holds U+0000. A browser sends none, but cpp-httplib makes one of "%00".
    if (value.empty() || value.find('\0') != std::string_view::npos) return;
    append_format(context, "{}\"{}\":", context.empty() ? '{' : ',', name);
    json::append_string(context, value);
  };
  if (options.context.user_agent) {
    add("user_agent", request.user_agent.substr(0, max_user_agent_bytes));
  }
  if (options.context.referrer && request.referrer.size() <= max_url_bytes) {
    std::string scratch;
    add("referrer", strip_page_url(request.referrer, collector.rules(), scratch));
  }
  if (options.context.ip) {
    if (const auto client = Network::parse(client_address(request))) add("ip", client->truncated());
  }
  if (!context.empty()) context.push_back('}');
  return context;
}

Response Endpoint::State::answer(const Receipt& receipt) const {
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

Response Endpoint::State::answer(const Error& failure) const {
  const bool in_doubt = failure.kind() == Error::in_doubt;
  // What broke is for the log of the one who runs this, not for strangers.
  Response response =
      in_doubt ? problem(503, code::sink_in_doubt, "Service unavailable",
                         "It is not known whether the events are stored. Send them again with the "
                         "same event_id.")
               : problem(503, code::sink_unavailable, "Service unavailable",
                         "The events could not be stored. Send them again later.");
  response.headers.emplace_back("Retry-After", std::to_string(options.retry_after.count()));
  return response;
}

// Counts the response and adds what an allowed origin needs to read it.
Response Endpoint::State::finish(std::string_view origin, Response response) {
  responses.at(static_cast<std::size_t>(response.status)).fetch_add(1, std::memory_order_relaxed);
  if (options.allowed_origins.empty()) return response;
  response.headers.emplace_back("Vary", "Origin");
  if (!origin.empty() && is_allowed(origin)) {
    response.headers.emplace_back("Access-Control-Allow-Origin", origin);
    response.headers.emplace_back("Access-Control-Expose-Headers", "Retry-After");
  }
  return response;
}

void check(const EndpointOptions& options) {
  if (!options.path.starts_with('/') || options.path.find_first_of("?#") != std::string::npos) {
    throw ConfigError{fmt::format("path: '{}' is not one: it begins with '/'", options.path)};
  }
  for (const std::string& origin : options.allowed_origins) check_origin_option(origin);
  for (const std::string& proxy : options.trusted_proxies) {
    if (Network::parse(proxy)) continue;
    throw ConfigError{fmt::format(
        "trusted-proxy: '{}' is not an address or a network such as 10.0.0.0/8", proxy)};
  }
}

Endpoint::Endpoint(Collector& collector, EndpointOptions options)
    : state_{std::make_shared<State>(collector, std::move(options))} {}

const EndpointOptions& Endpoint::options() const { return state_->options; }

std::optional<Response> Endpoint::before_body(const Request& request) const {
  auto response = state_->before_body(request);
  if (response) response = state_->finish(request.origin, *std::move(response));
  return response;
}

Response Endpoint::too_large(const Request& request) const {
  return state_->finish(request.origin, state_->too_large());
}

Response Endpoint::handle(const Request& request) const {
  State::Content content;
  if (auto early = state_->read(request, content)) {
    return state_->finish(request.origin, *std::move(early));
  }
  try {
    const Receipt receipt =
        state_->collector.collect(content.body, {content.format, content.context});
    return state_->finish(request.origin, state_->answer(receipt));
  } catch (const Error& failure) {
    return state_->finish(request.origin, state_->answer(failure));
  }
}

void Endpoint::handle(const Request& request, std::function<void(Response)> respond) const {
  State::Content content;
  if (auto early = state_->read(request, content)) {
    return respond(state_->finish(request.origin, *std::move(early)));
  }
  state_->collector.collect(
      content.body,
      [state = state_, origin = std::string{request.origin}, respond = std::move(respond)](
          const Receipt& receipt, const Error* failure) {
        Response response = failure != nullptr ? state->answer(*failure) : state->answer(receipt);
        respond(state->finish(origin, std::move(response)));
      },
      {content.format, content.context});
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
