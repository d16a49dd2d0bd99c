#include "sink/registry.hpp"

namespace eventcollect {

Registry<Sink>& sink_registry() {
  static Registry<Sink> registry{"sink"};
  return registry;
}

Registry<Source>& source_registry() {
  static Registry<Source> registry{"source"};
  return registry;
}

void register_sink(std::string_view scheme, SinkOpener opener) {
  sink_registry().add(scheme, std::move(opener));
}

void register_source(std::string_view scheme, SourceOpener opener) {
  source_registry().add(scheme, std::move(opener));
}

}  // namespace eventcollect
