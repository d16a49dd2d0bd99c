#include "eventcollect/open.hpp"

#include "drivers/file/options.hpp"
#include "sink/registry.hpp"

namespace eventcollect {

using sink::Registry;
using sink::sink_registry;
using sink::source_registry;

namespace {

class NullSink final : public Sink {
 public:
  void write(const Batch&, Rejections&) override {}
};

std::shared_ptr<Sink> open_null(const Url& url) {
  UrlOptions{url}.finish();
  if (!url.authority.empty() || !url.path.empty()) {
    throw ConfigError{"null: stands alone, without a path"};
  }
  return std::make_shared<NullSink>();
}

// With what needs no enable(). A scheme that the user registered before stays the user's.
Registry<Sink>& sinks() {
  static Registry<Sink>& registry = []() -> Registry<Sink>& {
    sink_registry().add_missing("null", open_null);
    sink_registry().add_missing("file", file::open_sink);
    return sink_registry();
  }();
  return registry;
}

Registry<Source>& sources() {
  static Registry<Source>& registry = []() -> Registry<Source>& {
    source_registry().add_missing("file", file::open_source);
    return source_registry();
  }();
  return registry;
}

}  // namespace

std::shared_ptr<Sink> open_sink(std::string_view url) { return sinks().open(url); }
std::vector<std::string> known_sinks() { return sinks().schemes(); }

std::shared_ptr<Source> open_source(std::string_view url) { return sources().open(url); }
std::vector<std::string> known_sources() { return sources().schemes(); }

}  // namespace eventcollect
