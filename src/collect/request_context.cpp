#include "collect/request_context.hpp"

#include "base/format.hpp"
#include "base/ip_network.hpp"
#include "event/page_url.hpp"
#include "json/text.hpp"

namespace eventcollect::collect {

using base::append_format;
using base::Network;
using event::strip_page_url;

namespace {

constexpr std::size_t max_user_agent_bytes = 1 << 10;

void append_field(std::string& context, std::string_view name, std::string_view value) {
  // Databases reject U+0000. Browsers do not send it, but cpp-httplib decodes "%00" to it.
  if (value.empty() || value.find('\0') != std::string_view::npos) return;
  append_format(context, "{}\"{}\":", context.empty() ? '{' : ',', name);
  json::append_string(context, value);
}

}  // namespace

std::string request_context(const Request& request, const ContextFields& wanted, const Rules& rules,
                            const TrustedProxies& proxies) {
  std::string context;
  if (wanted.user_agent) {
    append_field(context, "user_agent", request.user_agent.substr(0, max_user_agent_bytes));
  }
  if (wanted.referrer && request.referrer.size() <= max_url_bytes) {
    std::string scratch;
    append_field(context, "referrer", strip_page_url(request.referrer, rules, scratch));
  }
  if (wanted.ip) {
    const auto client = Network::parse(proxies.client_address(request));
    if (client) append_field(context, "ip", client->truncated());
  }
  if (!context.empty()) context.push_back('}');
  return context;
}

}  // namespace eventcollect::collect
