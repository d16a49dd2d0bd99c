#include "collect/request_context.hpp"

#include "base/format.hpp"
#include "event/page_url.hpp"
#include "json/text.hpp"

namespace eventcollect::collect {

using base::append_format;
using event::strip_page_url;

namespace {

constexpr std::size_t max_user_agent_bytes = 1 << 10;

void append_field(std::string& context, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  append_format(context, "{}\"{}\":", context.empty() ? '{' : ',', name);
  json::append_string(context, value);
}

}  // namespace

std::string request_context(const Request& request, const ContextFields& wanted, const Rules& rules,
                            const TrustedProxies& proxies) {
  std::string context;
  if (wanted.user_agent) {
    append_field(context, "user_agent", json::clip(request.user_agent, max_user_agent_bytes));
  }
  if (wanted.referrer && request.referrer.size() <= max_url_bytes) {
    std::string scratch;
    append_field(context, "referrer", strip_page_url(request.referrer, rules, scratch));
  }
  if (wanted.ip) {
    const auto client = proxies.client_address(request);
    if (client) append_field(context, "ip", client->truncated());
  }
  if (!context.empty()) context.push_back('}');
  return context;
}

}  // namespace eventcollect::collect
