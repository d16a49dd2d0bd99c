// Who may look at the live page.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "eventcollect/http.hpp"

namespace eventcollect::live {

// Immutable.
class Access {
 public:
  static constexpr std::size_t min_token_characters = 16;

  // `host` is the name that the page is served under, beside IP addresses and localhost. Whoever
  // asks for events has to show `token`; empty: nobody has to.
  Access(std::string host, std::string token) : host_{std::move(host)}, token_{std::move(token)} {}

  // The answer to a request for the page itself, which holds no secret, where it came to a name
  // that is not ours: a page of another site can give its own name our address, and then read all
  // that we answer (DNS rebinding). A name is enough for that, an address is not.
  std::optional<Response> reject_page(const Request& request) const;

  // The answer to a request for events that may not have them: also where a page of another site
  // sent it, or where it lacks the token ("Authorization: Bearer TOKEN").
  std::optional<Response> reject_data(const Request& request) const;

 private:
  bool is_ours(std::string_view host_and_port) const;
  bool has_token(std::string_view authorization) const;

  std::string host_;
  std::string token_;
};

// Whether what listens at `host` can be reached from this machine only.
bool is_loopback(const std::string& host);

// Throws ConfigError where a page at `host` would be open to strangers, or where `token` is too
// short or can stand in no header.
void check_access(const std::string& host, const std::string& token);

}  // namespace eventcollect::live
