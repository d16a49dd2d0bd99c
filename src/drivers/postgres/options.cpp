#include "drivers/postgres/options.hpp"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <memory>
#include <string>

#include "base/encoding.hpp"

namespace eventcollect::postgres {

using base::append_percent_encoded;

namespace {

constexpr std::string_view shape = "postgres://user@host:port/database?option=value";

bool is_libpq_option(std::string_view name) {
  // All that libpq has, without values.
  const std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> all{
      PQconninfoParse("", nullptr), PQconninfoFree};
  for (const PQconninfoOption* option = all.get(); option != nullptr && option->keyword != nullptr;
       ++option) {
    // That one is not the user's to choose: events are UTF-8.
    if (option->keyword == name) return name != "client_encoding";
  }
  return false;
}

// The URL without our own options, for libpq.
std::string libpq_uri(const Url& url, UrlOptions& options) {
  if (!url.path.empty() && url.path.front() != '/') {
    throw ConfigError{fmt::format("{}: the URL looks like {}", url.scheme, shape)};
  }
  std::string uri = fmt::format("postgresql://{}/", url.authority);
  if (!url.path.empty()) append_percent_encoded(uri, std::string_view{url.path}.substr(1));
  char separator = '?';
  for (const auto& [name, value] : url.options) {
    if (!is_libpq_option(name)) continue;
    options.text(name);
    uri.push_back(separator);
    append_percent_encoded(uri, name);
    uri.push_back('=');
    append_percent_encoded(uri, value);
    separator = '&';
  }
  return uri;
}

}  // namespace

PostgresSinkOptions sink_options_of(const Url& url) {
  UrlOptions values{url};
  PostgresSinkOptions options;
  options.table = values.text("table", options.table);
  options.create = values.flag("create", options.create);
  options.timeout = values.duration("timeout", options.timeout);
  options.connection = libpq_uri(url, values);
  try {
    values.finish();
  } catch (const ConfigError& error) {
    throw ConfigError{
        fmt::format("{}, and those of libpq (sslmode, connect_timeout, …)", error.what())};
  }
  return options;
}

}  // namespace eventcollect::postgres
