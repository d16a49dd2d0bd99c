#include "drivers/postgres/host_list.hpp"

#include <algorithm>

namespace eventcollect::postgres {
namespace {

constexpr std::string_view default_port = "5432";  // libpq's, where a list leaves one out

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    parts.emplace_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

}  // namespace

std::string value_of(const ConnectionOptions& all, std::string_view keyword) {
  const PQconninfoOption* option = all.get();
  for (; option != nullptr && option->keyword != nullptr; ++option) {
    if (option->keyword == keyword && option->val != nullptr) return option->val;
  }
  return {};
}

HostList HostList::of(PGconn* connection) {
  const ConnectionOptions all{PQconninfo(connection), PQconninfoFree};
  const auto names = split(value_of(all, "host"));
  const auto addresses = split(value_of(all, "hostaddr"));
  const auto ports = split(value_of(all, "port"));
  HostList list;
  list.hosts_.resize(std::max(names.size(), addresses.size()));
  for (std::size_t i = 0; i < list.hosts_.size(); ++i) {
    Host& host = list.hosts_[i];
    if (i < addresses.size()) host.address = addresses[i];
    // Never empty where libpq has one, since an empty option is none: libpq would take its own
    // list.
    host.name = i < names.size() && !names[i].empty() ? names[i] : host.address;
    host.port = ports.size() == 1 ? ports.front() : ports.at(i);
    if (host.port.empty()) host.port = default_port;
  }
  return list;
}

void HostList::remove_current(PGconn* connection) {
  const std::string_view name = PQhost(connection);
  const std::string_view port = PQport(connection);
  auto current = std::find_if(hosts_.begin(), hosts_.end(), [&](const Host& host) {
    return host.name == name && host.port == port;
  });
  if (current == hosts_.end()) current = hosts_.begin();  // the default one
  hosts_.erase(current);
}

std::string HostList::joined(std::string Host::*part) const {
  std::string text;
  for (const Host& host : hosts_) {
    if (&host != &hosts_.front()) text += ',';
    text += host.*part;
  }
  return text;
}

}  // namespace eventcollect::postgres
