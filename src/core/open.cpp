#include "eventcollect/open.hpp"

#include "core/built_in.hpp"
#include "core/registry.hpp"

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

Registry<Sink>& sinks() {
  static Registry<Sink> registry{"sink", {{"null", open_null}, {"file", open_file_sink}}};
  return registry;
}

Registry<Source>& sources() {
  static Registry<Source> registry{"source", {{"file", open_file_source}}};
  return registry;
}

}  // namespace

std::shared_ptr<Sink> open_sink(std::string_view url) { return sinks().open(url); }
void register_sink(std::string_view scheme, SinkOpener opener) {
  sinks().add(scheme, std::move(opener));
}
std::vector<std::string> known_sinks() { return sinks().schemes(); }

std::shared_ptr<Source> open_source(std::string_view url) { return sources().open(url); }
void register_source(std::string_view scheme, SourceOpener opener) {
  sources().add(scheme, std::move(opener));
}
std::vector<std::string> known_sources() { return sources().schemes(); }

}  // namespace eventcollect
