#include "eventcollect/dir.hpp"
#include "eventcollect/objects.hpp"

namespace eventcollect {
namespace {

std::shared_ptr<ObjectStore> open_dir(const Url& url) {
  UrlOptions{url}.finish();
  if (!url.authority.empty() || url.path.empty()) {
    throw ConfigError{"dir: names a directory of this machine: dir:DIR or dir:///DIR"};
  }
  return std::make_shared<DirStore>(url.path);
}

}  // namespace

void enable_dir() { register_store("dir", open_dir); }

}  // namespace eventcollect
