#include "drivers/file/directory.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <utility>

#include "base/errno_text.hpp"
#include "drivers/file/names.hpp"
#include "eventcollect/sink.hpp"

namespace eventcollect::file {

using base::Descriptor;
using base::errno_text;
using base::FileSystem;

Directory::Directory(std::string path, FileSystem& files) : path_{std::move(path)}, files_{files} {}

std::string Directory::path(std::string_view name) const {
  return fmt::format("{}/{}", path_, name);
}

std::vector<std::string> Directory::names() const {
  std::vector<std::string> found;
  check(files_.list(path_, found), "list", path_);
  return found;
}

std::optional<SealedFile> Directory::first_sealed(std::uint64_t from) const {
  std::optional<SealedFile> first;
  for (const std::string& name : names()) {
    const std::uint64_t sequence = is_sealed_file(name) ? sequence_of(name) : 0;
    if (sequence == 0 || sequence < from || (first && first->sequence < sequence)) continue;
    first = {sequence, name};
  }
  return first;
}

std::shared_ptr<const Descriptor> Directory::open(std::string_view name) const {
  const int opened = files_.open(path(name), FileSystem::Open::read);
  if (opened == -ENOENT) return nullptr;
  return std::make_shared<Descriptor>(files_, static_cast<int>(check(opened, "open", name)));
}

std::int64_t Directory::check(std::int64_t result, std::string_view what,
                              std::string_view name) const {
  if (result >= 0) return result;
  throw Error{Error::unavailable,
              fmt::format("cannot {} '{}' of '{}': {}", what, name, path_, errno_text(result))};
}

}  // namespace eventcollect::file
