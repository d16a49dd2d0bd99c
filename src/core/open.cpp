#include "eventcollect/open.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>
#include <mutex>

#include "core/built_in_sinks.hpp"

namespace eventcollect {
namespace {

class NullSink final : public Sink {
 public:
  void write(const Batch&) override {}
};

std::shared_ptr<Sink> open_null(const Url& url) {
  UrlOptions{url}.finish();
  if (!url.authority.empty() || !url.path.empty()) {
    throw ConfigError{"null: stands alone, without a path"};
  }
  return std::make_shared<NullSink>();
}

struct Registry {
  std::mutex mutex;
  std::map<std::string, SinkOpener, std::less<>> sinks{{"null", open_null},
                                                       {"file", open_file_sink}};
};

Registry& registry() {
  static Registry instance;
  return instance;
}

}  // namespace

std::shared_ptr<Sink> open_sink(std::string_view text) {
  const Url url = Url::parse(text);
  SinkOpener opener;
  {
    const std::lock_guard lock{registry().mutex};
    const auto found = registry().sinks.find(url.scheme);
    if (found != registry().sinks.end()) opener = found->second;
  }
  if (!opener) {
    throw ConfigError{fmt::format("no sink is known by the scheme '{}'; known are: {}", url.scheme,
                                  fmt::join(known_sinks(), ", "))};
  }
  auto sink = opener(url);
  if (!sink) throw ConfigError{fmt::format("the opener of '{}' made no sink", url.scheme)};
  return sink;
}

void register_sink(std::string_view scheme, SinkOpener opener) {
  const std::lock_guard lock{registry().mutex};
  registry().sinks.insert_or_assign(std::string{scheme}, std::move(opener));
}

std::vector<std::string> known_sinks() {
  const std::lock_guard lock{registry().mutex};
  std::vector<std::string> schemes;
  for (const auto& entry : registry().sinks) schemes.push_back(entry.first);
  return schemes;
}

}  // namespace eventcollect
