#include "eventcollect/spool.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <utility>

#include "base/checksum.hpp"
#include "base/errno_text.hpp"
#include "base/file_system.hpp"
#include "drivers/file/names.hpp"
#include "eventcollect/url.hpp"
#include "spool/forwarder.hpp"

namespace eventcollect {

using base::checksum;
using base::errno_text;
using base::posix_file_system;

namespace {

std::vector<std::string> names_in(const std::string& directory) {
  std::vector<std::string> names;
  const int listed = posix_file_system().list(directory, names);
  if (listed < 0 && listed != -ENOENT) {
    throw Error{Error::unavailable,
                fmt::format("cannot list '{}': {}", directory, errno_text(listed))};
  }
  return names;
}

bool is_cursor(const std::string& name) { return name.ends_with(file::cursor_suffix); }

// A spool has its cursors before its first file, and takes away what it has forwarded. So it is not
// to be given an archive.
void check_is_no_archive(const std::string& directory) {
  const auto names = names_in(directory);
  const bool has_files = std::any_of(names.begin(), names.end(), file::is_sealed_file);
  if (!has_files || std::any_of(names.begin(), names.end(), is_cursor)) return;
  throw Error{Error::misconfigured,
              fmt::format("'{}' holds files and no cursor, so it is no spool: files of a "
                          "spool are removed when they are forwarded",
                          directory)};
}

// A cursor that no target has any more would keep files for ever. With nothing behind it, it goes.
void settle_old_cursor(const std::string& directory, const FileSink& files,
                       const std::string& name) {
  const std::string path = fmt::format("{}/{}{}", directory, name, file::cursor_suffix);
  if (FileSource{files, {.cursor = name}}.backlog().bytes > 0) {
    throw Error{
        Error::misconfigured,
        fmt::format("'{}' holds events for a target that is not named any more: name it again, or "
                    "give them up by removing '{}'",
                    directory, path)};
  }
  const int removed = posix_file_system().remove(path);
  if (removed == 0 || removed == -ENOENT) return;
  throw Error{Error::unavailable, fmt::format("cannot remove '{}': {}", path, errno_text(removed))};
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
  for (const std::string& file : names_in(directory)) {
    if (!is_cursor(file)) continue;
    const std::string name = file.substr(0, file.size() - file::cursor_suffix.size());
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
  return fmt::format("{}-{:08x}", scheme, checksum(all));
}

Spool::Spool(const std::string& directory, std::vector<SpoolTarget> targets,
             const SpoolOptions& options) {
  check_names(targets);
  check_is_no_archive(directory);
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

bool Spool::close(std::chrono::milliseconds timeout) {
  constexpr std::chrono::milliseconds look_interval{20};
  constexpr std::chrono::milliseconds call_grace{500};  // for a call of a target to return
  const auto is_done = [&] {
    try {
      const auto all = statistics();
      return std::all_of(all.begin(), all.end(),
                         [](const SpoolStatistics& one) { return one.backlog_bytes == 0; });
    } catch (const std::exception&) {
      return false;  // who can tell
    }
  };
  const auto end = steady_timer().now() + std::max(timeout, call_grace);
  bool done = is_done();
  while (!done && steady_timer().now() < end - call_grace) {
    steady_timer().wait(look_interval, {});
    done = is_done();
  }
  for (const auto& forwarder : forwarders_) forwarder->request_stop();
  for (const auto& forwarder : forwarders_) forwarder->end(end);
  return done;
}

}  // namespace eventcollect
