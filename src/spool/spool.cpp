#include "eventcollect/spool.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "eventcollect/url.hpp"
#include "file/file_names.hpp"
#include "file/file_system.hpp"
#include "spool/forwarder.hpp"

namespace eventcollect {
namespace {

// FNV-1a (Fowler, Noll, Vo), since the name must be the same in every build.
std::uint64_t hash_of(std::string_view text) {
  std::uint64_t hash = 0xCBF29CE484222325;
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001B3;
  }
  return hash;
}

// A cursor that no target has any more would keep files for ever. With nothing behind it, it goes.
void settle_old_cursor(const std::string& directory, const FileSink& files,
                       const std::string& name) {
  const std::string path = fmt::format("{}/{}{}", directory, name, cursor_suffix);
  if (FileSource{files, {.cursor = name}}.backlog().bytes > 0) {
    throw SourceError{
        SourceError::misconfigured,
        fmt::format("'{}' holds events for a target that is not named any more: name it again, or "
                    "give them up by removing '{}'",
                    directory, path)};
  }
  posix_file_system().remove(path);
}

void check_names(const std::vector<SpoolTarget>& targets) {
  if (targets.empty()) throw ConfigError{"a spool needs a target"};
  std::set<std::string_view> names;
  for (const SpoolTarget& target : targets) {
    if (names.insert(target.name).second) continue;
    throw ConfigError{fmt::format("a spool has '{}' twice among its targets", target.name)};
  }
}

// The file that grows cannot go, however much of it all targets have.
FileSinkOptions with_room_to_go(FileSinkOptions options) {
  if (options.max_total_bytes > 0) {
    options.rotate_bytes = std::min(options.rotate_bytes, options.max_total_bytes / 4);
  }
  return options;
}

void settle_old_cursors(const std::string& directory, const FileSink& files,
                        const std::vector<SpoolTarget>& targets) {
  std::vector<std::string> names;
  posix_file_system().list(directory, names);
  for (const std::string& file : names) {
    if (!file.ends_with(cursor_suffix)) continue;
    const std::string name = file.substr(0, file.size() - cursor_suffix.size());
    const bool is_named = std::any_of(targets.begin(), targets.end(),
                                      [&](const auto& target) { return target.name == name; });
    if (!is_named) settle_old_cursor(directory, files, name);
  }
}

}  // namespace

std::string spool_cursor(std::string_view text) {
  const Url url = Url::parse(text);
  const std::size_t at = url.authority.rfind('@');
  std::string all = url.authority.substr(at == std::string::npos ? 0 : at + 1) + '/' + url.path;
  for (const auto& [name, value] : url.options) {
    if (name == "password" || name == "user") continue;
    all += '&';
    all += name;
    all += '=';
    all += value;
  }
  std::string scheme = url.scheme;
  std::replace_if(
      scheme.begin(), scheme.end(), [](char c) { return c == '+' || c == '.'; }, '-');
  return fmt::format("{}-{:016x}", scheme, hash_of(all));
}

Spool::Spool(const std::string& directory, std::vector<SpoolTarget> targets,
             const SpoolOptions& options) {
  check_names(targets);
  files_ = std::make_shared<FileSink>(directory, with_room_to_go(options.files));
  settle_old_cursors(directory, *files_, targets);
  // Each has its cursor before the first may remove what all have passed.
  for (SpoolTarget& target : targets) {
    forwarders_.push_back(
        std::make_shared<Forwarder>(directory, files_, std::move(target), options));
  }
  for (const auto& forwarder : forwarders_) forwarder->start();
}

Spool::~Spool() { close(std::chrono::milliseconds{0}); }

std::shared_ptr<Sink> Spool::sink() const { return files_; }

std::vector<SpoolStatistics> Spool::statistics() const {
  std::vector<SpoolStatistics> all;
  all.reserve(forwarders_.size());
  for (const auto& forwarder : forwarders_) all.push_back(forwarder->statistics());
  return all;
}

bool Spool::close(std::chrono::milliseconds patience) {
  constexpr std::chrono::milliseconds look_interval{20};
  constexpr std::chrono::milliseconds call_grace{500};
  const auto is_done = [&] {
    try {
      const auto all = statistics();
      return std::all_of(all.begin(), all.end(),
                         [](const SpoolStatistics& one) { return one.backlog_bytes == 0; });
    } catch (const SourceError&) {
      return false;  // who can tell
    }
  };
  const auto deadline = steady_timer().now() + patience;
  bool done = is_done();
  while (!done && steady_timer().now() < deadline) {
    steady_timer().wait(look_interval, {});
    done = is_done();
  }
  for (const auto& forwarder : forwarders_) forwarder->request_stop();
  const auto end = steady_timer().now() + call_grace;
  for (const auto& forwarder : forwarders_) forwarder->end(end);
  return done;
}

}  // namespace eventcollect
