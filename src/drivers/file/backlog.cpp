#include "drivers/file/backlog.hpp"

#include <algorithm>
#include <limits>

#include "drivers/file/names.hpp"

namespace eventcollect::file {
namespace {

// The part of a file with this sequence number and size that comes after `from`.
std::uint64_t rest_of(std::uint64_t sequence, std::uint64_t bytes, const Place& from) {
  if (sequence < from.sequence) return 0;
  return bytes - (sequence == from.sequence ? std::min(from.offset, bytes) : 0);
}

}  // namespace

std::uint64_t bytes_from(const Place& from, const Directory& directory, const Progress* progress) {
  // The growing file comes first, since it may be sealed before the others are listed.
  constexpr std::uint64_t after_all = std::numeric_limits<std::uint64_t>::max();
  const Progress::State growing =
      progress != nullptr ? progress->state() : Progress::State{.sequence = after_all};
  std::uint64_t total = rest_of(growing.sequence, growing.durable_bytes, from);
  for (const std::string& name : directory.names()) {
    const std::uint64_t sequence = is_sealed_file(name) ? sequence_of(name) : after_all;
    if (sequence >= growing.sequence) continue;
    // Another reader may have removed the file meanwhile.
    const std::int64_t size =
        std::max<std::int64_t>(0, directory.files().size(directory.path(name)));
    total += rest_of(sequence, static_cast<std::uint64_t>(size), from);
  }
  return total;
}

}  // namespace eventcollect::file
