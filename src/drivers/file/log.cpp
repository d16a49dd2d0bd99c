#include "drivers/file/log.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "base/durable_directories.hpp"
#include "base/errno_text.hpp"
#include "base/notice.hpp"
#include "drivers/file/cursor.hpp"
#include "drivers/file/left_file.hpp"
#include "drivers/file/names.hpp"
#include "eventcollect/sink.hpp"

namespace eventcollect::file {

using base::Descriptor;
using base::DurableDirectories;
using base::errno_text;
using base::FileSystem;
using base::notice;
using base::write_all;

namespace {

// The oldest file must be a small part of all, since it goes at once.
FileSinkOptions checked(FileSinkOptions options) {
  if (options.remove_oldest && options.max_total_bytes > 0) {
    options.rotate_bytes = std::min(options.rotate_bytes, options.max_total_bytes / 8);
  }
  return options;
}

bool is_out_of_space(std::int64_t result) {
  return result == -ENOSPC || result == -EDQUOT || result == -EFBIG;
}

}  // namespace

Log::Log(std::string directory, FileSinkOptions options, FileSystem& files, const Clock& clock)
    : directory_{std::move(directory), files},
      options_{checked(std::move(options))},
      files_{files},
      clock_{clock} {
  make_directories();
  take_lock();
  survey();
  recover();
  bring_to_appending();
}

Log::~Log() {
  if (base::forks() != forks_) return;  // the files are the parent's
  try {
    if (phase_ == Phase::appending) phase_ = Phase::sealing;
    while (phase_ == Phase::damaged || phase_ == Phase::sealing || phase_ == Phase::renamed) {
      advance();
    }
  } catch (...) {
    // The next start seals it.
  }
}

void Log::append(std::string_view lines) {
  bring_to_appending();
  const bool is_full = durable_bytes_ > 0 && durable_bytes_ + lines.size() > options_.rotate_bytes;
  if (is_old() || is_full) {
    phase_ = Phase::sealing;
    bring_to_appending();
  }
  check_bound(lines.size());
  if (durable_bytes_ == 0) begun_ = looked_;
  // Until the sync has succeeded, the file can be trusted only up to durable_bytes_.
  phase_ = Phase::damaged;
  try {
    check(write_all(files_, file_->get(), lines), "write", name_);
    check(files_.sync_data(file_->get()), "sync", name_);
    // Events in a file that was removed meanwhile are not durable.
    if (check(files_.is_same(directory_.path(name_), file_->get()), "find", name_) == 0) {
      check(-ENOENT, "find", name_);
    }
  } catch (const Error& error) {
    try {
      bring_to_appending();
    } catch (const Error&) {
      // The next call continues from the phase that this one reached.
    }
    if (phase_ == Phase::damaged) throw Error{Error::in_doubt, error.what()};
    throw;
  }
  durable_bytes_ += lines.size();
  phase_ = Phase::appending;
  publish();
}

void Log::maintain() {
  bring_to_appending();
  if (is_old()) {
    phase_ = Phase::sealing;
    bring_to_appending();
  }
  check_room();
  check_bound(0);
}

void Log::make_directories() {
  const auto failure = DurableDirectories{files_, directory_.path()}.make(directory_.path());
  if (!failure) return;
  throw Error{Error::unavailable, fmt::format("cannot {} '{}': {}", failure->call, failure->path,
                                              errno_text(failure->error))};
}

void Log::take_lock() {
  const int opened = files_.open(directory_.path(), FileSystem::Open::directory);
  if (opened == -ENOTDIR) {
    throw Error{Error::misconfigured, fmt::format("'{}' is not a directory", directory_.path())};
  }
  directory_descriptor_ = {files_, static_cast<int>(check(opened, "open", "."))};
  const int locked = files_.lock(directory_.path(".lock"));
  if (locked == -EWOULDBLOCK) {
    throw Error{Error::misconfigured,
                fmt::format("'{}' is in use by another writer: give each a directory of its own",
                            directory_.path())};
  }
  lock_ = {files_, static_cast<int>(check(locked, "lock", ".lock"))};
}

// Finds the next sequence number and the bytes in use.
void Log::survey() {
  std::uint64_t sealed_bytes = 0;
  for (const std::string& name : directory_.names()) {
    // A cursor may point past the last sealed file, since its reader may have removed them all.
    if (name.ends_with(cursor_suffix)) sequence_ = std::max(sequence_, sequence_at(name));
    const std::uint64_t sequence = sequence_of(name);
    if (sequence == 0) continue;
    sequence_ = std::max(sequence_, sequence + 1);
    if (!is_sealed_file(name)) continue;
    // A reader may have removed the file meanwhile; then size() is negative.
    const std::int64_t size = std::max<std::int64_t>(0, files_.size(directory_.path(name)));
    sealed_bytes += static_cast<std::uint64_t>(size);
  }
  sealed_bytes_ = sealed_bytes;
}

// The number of the file that a cursor points to; 0 where the cursor is missing or malformed.
std::uint64_t Log::sequence_at(const std::string& cursor) {
  Place place;
  const int read = read_cursor(files_, directory_.path(cursor), place);
  if (read != -ENOENT && read != -EBADMSG) check(read, "read", cursor);
  return place.sequence;
}

// Prepares the file that the last run left to be sealed.
void Log::recover() {
  const std::int64_t found = files_.size(directory_.path(current_file_name));
  if (found == -ENOENT) return;
  const auto size = static_cast<std::uint64_t>(check(found, "look at", current_file_name));
  file_ =
      std::make_shared<Descriptor>(open(current_file_name, FileSystem::Open::read_write, "open"));
  name_ = current_file_name;
  const LeftFile left{directory_, *file_, name_, size};
  durable_bytes_ = size - left.torn_bytes();
  if (left.damaged_bytes() > 0) set_damage_aside(left);
  if (left.torn_bytes() > 0) {
    left.copy_torn(sealed_name() + ".torn");
    check(files_.truncate(file_->get(), durable_bytes_), "truncate", name_);
  }
  // What a killed process wrote and did not sync may still be only in memory.
  check(files_.sync_data(file_->get()), "sync", name_);
  phase_ = Phase::sealing;
}

void Log::set_damage_aside(const LeftFile& left) {
  const std::string name = sealed_name() + ".damaged";
  left.move_damaged(name, [&] { check(files_.sync(directory_descriptor_.get()), "sync", "."); });
  notice(
      "'{}' was damaged: {} bytes of it, which may hold acknowledged events, are now "
      "in '{}', and {} whole lines are kept",
      directory_.path(current_file_name), left.damaged_bytes(), directory_.path(name),
      left.lines());
}

void Log::bring_to_appending() {
  while (phase_ != Phase::appending) advance();
}

void Log::advance() {
  switch (phase_) {
    case Phase::damaged:
      return cut_back();
    case Phase::sealing:
      return give_final_name();
    case Phase::renamed:
      return sync_renamed();
    case Phase::create_failed:
      remove_if_there(current_file_name);
      [[fallthrough]];
    case Phase::sealed:
      return create();
    case Phase::created:
      return sync_created();
    case Phase::appending:
      return;
  }
}

void Log::cut_back() {
  check(files_.truncate(file_->get(), durable_bytes_), "truncate", name_);
  check(files_.sync_data(file_->get()), "sync", name_);
  phase_ = Phase::sealing;
}

void Log::remove_if_there(std::string_view name) {
  const int removed = files_.remove(directory_.path(name));
  if (removed != -ENOENT) check(removed, "remove", name);
}

// An empty file is removed instead.
void Log::give_final_name() {
  // If the operator has removed the file, nothing is left to seal; if the directory was moved away,
  // another log's file may have the name.
  const bool is_there =
      check(files_.is_same(directory_.path(name_), file_->get()), "find", name_) == 1;
  if (durable_bytes_ == 0) {
    if (is_there) remove_if_there(name_);
  } else {
    const std::string name = sealed_name();
    if (is_there) {
      check(files_.rename(directory_.path(name_), directory_.path(name)), "rename", name_);
    }
    name_ = name;
    ++sequence_;
  }
  phase_ = Phase::renamed;
}

void Log::sync_renamed() {
  // If this fails, syncing again would prove nothing: the system may have dropped the change and
  // forgotten that it had. So the next try begins with a change of its own, another new name.
  phase_ = Phase::sealing;
  check(files_.sync(directory_descriptor_.get()), "sync", ".");
  sealed_bytes_ += std::exchange(durable_bytes_, 0);
  file_.reset();
  phase_ = Phase::sealed;
  publish();
}

void Log::create() {
  phase_ = Phase::sealed;
  if (files_.is_same(directory_.path(), directory_descriptor_.get()) != 1) {
    throw Error{
        Error::misconfigured,
        fmt::format("'{}' was removed or replaced: restart to create it", directory_.path())};
  }
  file_ =
      std::make_shared<Descriptor>(open(current_file_name, FileSystem::Open::create_new, "make"));
  name_ = current_file_name;
  phase_ = Phase::created;
}

void Log::sync_created() {
  const int synced = files_.sync(directory_descriptor_.get());
  if (synced < 0) {
    file_.reset();
    phase_ = Phase::create_failed;
  }
  check(synced, "sync", ".");
  phase_ = Phase::appending;
  publish();
}

void Log::publish() { progress_->set({sequence_, durable_bytes_, file_}); }

void Log::check_bound(std::uint64_t more_bytes) {
  const std::uint64_t bound = options_.max_total_bytes;
  const auto is_over = [&] { return sealed_bytes_ + durable_bytes_ + more_bytes > bound; };
  if (bound == 0 || !is_over()) return;
  survey();  // the operator or a reader may have removed files
  const bool can_make_room = options_.remove_oldest && durable_bytes_ + more_bytes <= bound;
  while (can_make_room && is_over()) {
    const auto oldest = directory_.first_sealed(0);
    if (!oldest) break;
    remove_oldest(*oldest);
  }
  if (!is_over()) return;
  throw Error{Error::unavailable,
              fmt::format("'{}' is full: max_total_bytes={} is reached", directory_.path(), bound)};
}

void Log::remove_oldest(const SealedFile& oldest) {
  const std::int64_t size = std::max<std::int64_t>(0, files_.size(directory_.path(oldest.name)));
  remove_if_there(oldest.name);
  const auto bytes = static_cast<std::uint64_t>(size);
  sealed_bytes_ -= std::min(bytes, sealed_bytes_);
  if (options_.on_removed) options_.on_removed(oldest.name, bytes);
}

void Log::check_room() {
  constexpr std::uint64_t probe_bytes = 64 << 10;
  if (!out_of_space_) return;
  // What the probe writes after durable_bytes_ must be cut off before the next event is written.
  phase_ = Phase::damaged;
  const int probed = files_.probe_space(file_->get(), durable_bytes_, probe_bytes);
  check(files_.truncate(file_->get(), durable_bytes_), "truncate", name_);
  check(files_.sync_data(file_->get()), "sync", name_);
  phase_ = Phase::appending;
  check(probed, "find room for", name_);
  out_of_space_ = false;
}

// A clock that is set back takes begun_ with it, so that the file goes on getting older.
bool Log::is_old() {
  const TimePoint now = clock_.now();
  if (now < looked_) begun_ -= looked_ - now;
  looked_ = now;
  return durable_bytes_ > 0 && now - begun_ >= options_.rotate_age;
}

std::string Log::sealed_name() const {
  // 2026-11-23T18:15:00.123Z becomes 20261123T181500Z.
  std::string time = format_rfc3339(clock_.now()).substr(0, 19) + 'Z';
  std::erase_if(time, [](char c) { return c == '-' || c == ':'; });
  return fmt::format("{:010}-{}.ndjson", sequence_, time);
}

Descriptor Log::open(std::string_view name, FileSystem::Open how, std::string_view what) {
  return {files_, static_cast<int>(check(files_.open(directory_.path(name), how), what, name))};
}

// As Directory::check(), and notes when the disk is full.
std::int64_t Log::check(std::int64_t result, std::string_view what, std::string_view name) {
  if (is_out_of_space(result)) out_of_space_ = true;
  return directory_.check(result, what, name);
}

}  // namespace eventcollect::file
