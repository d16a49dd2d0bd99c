#include <utility>

#include "core/registry.hpp"
#include "eventcollect/objects.hpp"
#include "eventcollect/open.hpp"

namespace eventcollect {
namespace {

Registry<ObjectStore>& stores() {
  static Registry<ObjectStore> registry{"object store", {}};
  return registry;
}

std::shared_ptr<ObjectStore> open_dir(const Url& url) {
  UrlOptions{url}.finish();
  if (!url.authority.empty() || url.path.empty()) {
    throw ConfigError{"dir: names a directory of this machine: dir:DIR or dir:///DIR"};
  }
  return std::make_shared<DirStore>(url.path);
}

}  // namespace

std::shared_ptr<ObjectStore> open_store(std::string_view url) { return stores().open(url); }

void register_store(std::string_view scheme, StoreOpener opener) {
  stores().add(scheme, opener);
  register_sink(scheme, [opener = std::move(opener)](const Url& url) -> std::shared_ptr<Sink> {
    try {
      return std::make_shared<ObjectSink>(opener(url));
    } catch (const StoreError& error) {
      const bool hopeless = error.kind() == StoreError::misconfigured;
      throw SinkError{hopeless ? SinkError::misconfigured : SinkError::unavailable, error.what()};
    }
  });
}

std::vector<std::string> known_stores() { return stores().schemes(); }

void enable_objects() { register_store("dir", open_dir); }

}  // namespace eventcollect
