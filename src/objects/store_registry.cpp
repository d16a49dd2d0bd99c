#include <utility>

#include "eventcollect/objects.hpp"
#include "eventcollect/registry.hpp"
#include "sink/registry.hpp"

namespace eventcollect {

using sink::Registry;

namespace {

Registry<ObjectStore>& stores() {
  static Registry<ObjectStore> registry{"object store"};
  return registry;
}

}  // namespace

std::shared_ptr<ObjectStore> open_store(std::string_view url) { return stores().open(url); }

void register_store(std::string_view scheme, StoreOpener opener) {
  stores().add(scheme, opener);
  register_sink(scheme, [opener = std::move(opener)](const Url& url) -> std::shared_ptr<Sink> {
    return std::make_shared<ObjectSink>(opener(url));
  });
}

std::vector<std::string> known_stores() { return stores().schemes(); }

}  // namespace eventcollect
