#include "sink/registry.hpp"

namespace eventcollect::sink {

Registry<Sink>& sink_registry() {
  static Registry<Sink> registry{"sink"};
  return registry;
}

Registry<Source>& source_registry() {
  static Registry<Source> registry{"source"};
  return registry;
}

}  // namespace eventcollect::sink

namespace eventcollect {

void register_sink(std::string_view scheme, SinkOpener opener) {
  sink::sink_registry().add(scheme, std::move(opener));
}

void register_source(std::string_view scheme, SourceOpener opener) {
  sink::source_registry().add(scheme, std::move(opener));
}

}  // namespace eventcollect
