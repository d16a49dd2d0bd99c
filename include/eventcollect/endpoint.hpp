// `POST /events` as a function from a request to a response, for whatever web framework you have.
//
//   Endpoint endpoint{collector};
//   Request request;
//   request.method = "POST";
//   request.path = "/events";
//   request.content_type = …;                       // and the other headers that it names
//   if (auto early = endpoint.before_body(request)) return send(*early);     // and drop the body
//   request.body = …;
//   send(endpoint.handle(request));
//
// Ready-made adapters: httplib.hpp.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eventcollect/collector.hpp"
#include "eventcollect/http.hpp"

namespace eventcollect {

// What the server stores beside the event: by default nothing.
struct ContextFields {
  bool ip = false;  // cut to /24 or, for IPv6, /48
  bool user_agent = false;
  bool referrer = false;
};

struct EndpointOptions {
  std::string path = "/events";
  std::size_t max_body_bytes = std::size_t{1} << 20;  // once inflated, too
  // "https://example.org", "https://*.example.org", "null"; our own host always is
  std::vector<std::string> allowed_origins{};
  std::vector<std::string> trusted_proxies{};  // addresses or networks ("10.0.0.0/8") whose
                                               // X-Forwarded-* headers count
  // The header in which they give the client's address, or a chain of addresses.
  std::string client_ip_header{default_client_ip_header};
  ContextFields context{};
  std::chrono::seconds retry_after{1};  // what a 503 tells the client
};

// Throws ConfigError, whose message begins with the option's name, where the path, an origin, the
// address of a proxy or the name of a header is malformed. Endpoint's constructor calls it, too.
void check(const EndpointOptions& options);

// A handle: copies share everything, and each is safe from any thread.
class Endpoint {
 public:
  // Copies that outlive the collector answer 503. Throws what check() throws.
  explicit Endpoint(Collector& collector, EndpointOptions options = {});

  const EndpointOptions& options() const;

  // The answer to a request whose body need not be read: a preflight, another path or method, a
  // foreign origin, an unsupported content type. Nothing where the body is wanted; it is then to be
  // read up to max_body_bytes, and too_large() is the answer to a longer one. Where the body is not
  // read, what is left of it must not be taken for the next request.
  std::optional<Response> before_body(const Request& request) const;
  Response too_large(const Request& request) const;

  // Answers a whole request; asks before_body itself unless the request is_admitted. Blocks until
  // the events are durable.
  Response handle(const Request& request) const;

  // The same without blocking: `respond` is called once, on this thread or on one of the
  // collector's, and must neither block nor throw. `request` need not outlive this call. Throws
  // std::invalid_argument where `respond` is null.
  void handle(const Request& request, std::function<void(Response)> respond) const;

  EndpointStatistics statistics() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace eventcollect
