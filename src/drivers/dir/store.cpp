#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <vector>

#include "base/durable_directories.hpp"
#include "base/errno_text.hpp"
#include "base/file_system.hpp"
#include "eventcollect/dir.hpp"
#include "eventcollect/uuid.hpp"
#include "objects/key.hpp"

namespace eventcollect {

using base::Descriptor;
using base::DurableDirectories;
using base::errno_text;
using base::FileSystem;
using base::posix_file_system;
using base::read_again;
using base::write_all;
using objects::check_key;
using objects::is_key;

namespace {

namespace fs = std::filesystem;

// Nobody writes one object for so long: what is older was left by a crash.
constexpr auto abandoned_after = std::chrono::hours{24};

[[noreturn]] void fail(int error, std::string_view what, const std::string& path,
                       Error::Kind kind = Error::unavailable) {
  throw Error{kind, fmt::format("cannot {} '{}': {}", what, path, errno_text(error))};
}

int check(std::int64_t result, std::string_view what, const std::string& path,
          Error::Kind kind = Error::unavailable) {
  if (result < 0) fail(static_cast<int>(-result), what, path, kind);
  return static_cast<int>(result);
}

std::string parent_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

TimePoint modified_of(const fs::directory_entry& entry, std::error_code& error) {
  const auto time = entry.last_write_time(error);
  if (error) return {};
  return std::chrono::floor<std::chrono::milliseconds>(fs::file_time_type::clock::to_sys(time));
}

class FileReader final : public ObjectReader {
 public:
  FileReader(FileSystem& files, Descriptor descriptor, std::string path)
      : files_{files}, descriptor_{std::move(descriptor)}, path_{std::move(path)} {}

  std::size_t read(char* out, std::size_t bytes) override {
    const std::int64_t got = read_again(files_, descriptor_.get(), out, bytes, offset_);
    if (got < 0) fail(static_cast<int>(-got), "read", path_);
    offset_ += static_cast<std::uint64_t>(got);
    return static_cast<std::size_t>(got);
  }

 private:
  FileSystem& files_;
  Descriptor descriptor_;
  std::string path_;
  std::uint64_t offset_ = 0;
};

}  // namespace

// The directory of a store.
class DirStore::Folder {
 public:
  Folder(std::string path, FileSystem& files)
      : files_{files}, directories_{files, std::move(path)} {
    make(temporary_folder());
    remove_abandoned();
  }

  const std::string& path() const { return directories_.root(); }
  FileSystem& files() const { return files_; }

  std::string path_of(std::string_view key) const {
    check_key(key);
    return fmt::format("{}/{}", path(), key);
  }

  std::string temporary_path() const {
    return fmt::format("{}/{}", temporary_folder(), mint_uuid(system_clock().now()).to_string());
  }

  void make(const std::string& directory) {
    const auto failure = directories_.make(directory);
    if (failure) fail(failure->error, failure->call, failure->path);
  }

  // Throws Error of `kind`.
  void sync(const std::string& directory, Error::Kind kind) {
    const Descriptor descriptor{files_, files_.open(directory, FileSystem::Open::directory)};
    check(descriptor.get(), "open", directory, kind);
    check(files_.sync(descriptor.get()), "sync", directory, kind);
  }

 private:
  std::string temporary_folder() const { return path() + "/.temporary"; }

  void remove_abandoned() {
    std::vector<std::string> names;
    check(files_.list(temporary_folder(), names), "list", temporary_folder());
    const TimePoint now = system_clock().now();
    for (const std::string& name : names) {
      const auto id = Uuid::parse(name);
      if (id && now - time_of(*id) > abandoned_after) {
        files_.remove(fmt::format("{}/{}", temporary_folder(), name));
      }
    }
  }

  // RFC 9562, section 5.7: the first 48 bits.
  static TimePoint time_of(const Uuid& id) {
    std::int64_t milliseconds = 0;
    for (std::size_t i = 0; i < 6; ++i) milliseconds = milliseconds << 8 | id.bytes[i];
    return from_milliseconds(milliseconds);
  }

  FileSystem& files_;
  DurableDirectories directories_;
};

class DirStore::Writer final : public ObjectWriter {
 public:
  Writer(std::shared_ptr<Folder> folder, std::string path)
      : folder_{std::move(folder)},
        path_{std::move(path)},
        temporary_{folder_->temporary_path()},
        descriptor_{files(), files().open(temporary_, FileSystem::Open::create_new)} {
    check(descriptor_.get(), "make", temporary_);
  }

  ~Writer() override {
    if (temporary_.empty()) return;
    try {
      files().remove(temporary_);
    } catch (...) {  // what the file systems of tests throw; it goes when it is a day old
    }
  }

  void write(std::string_view data) override {
    check(write_all(files(), descriptor_.get(), data), "write", temporary_);
  }

  void commit() override {
    finish();
    // A network's file system may have renamed though it says that it has not.
    check(files().rename(temporary_, path_), "rename to", path_, Error::in_doubt);
    temporary_.clear();
    folder_->sync(parent_of(path_), Error::in_doubt);
  }

  // As commit(), but false where the object is there.
  bool commit_new() {
    finish();
    const int linked = files().link(temporary_, path_);
    if (linked == -EPERM || linked == -EOPNOTSUPP || linked == -ENOSYS) {
      throw Error{Error::misconfigured,
                  fmt::format("cannot create '{}': its file system has no hard links", path_)};
    }
    if (linked != -EEXIST) check(linked, "link to", path_, Error::in_doubt);
    // Another's object, too: who is told that it is there may rely on it.
    folder_->sync(parent_of(path_), Error::in_doubt);
    return linked == 0;
  }

 private:
  FileSystem& files() { return folder_->files(); }

  void finish() {
    check(files().sync_data(descriptor_.get()), "sync", temporary_);
    descriptor_.reset();
    folder_->make(parent_of(path_));
  }

  std::shared_ptr<Folder> folder_;
  std::string path_;
  std::string temporary_;
  Descriptor descriptor_;
};

DirStore::DirStore(const std::string& directory) : DirStore{directory, posix_file_system()} {}

DirStore::DirStore(const std::string& directory, FileSystem& files)
    : folder_{std::make_shared<Folder>(directory, files)} {}

DirStore::~DirStore() = default;

namespace {

// Walks a directory in the order of the keys.
class Walk {
 public:
  Walk(std::string_view prefix, std::string_view after, const ObjectStore::Visit& visit)
      : prefix_{prefix}, after_{after}, visit_{visit} {}

  // False when `visit` has had enough. `key` is that of the directory: empty, or ending in '/'.
  bool directory(const std::string& path, const std::string& key) {
    for (const Entry& entry : entries_of(path, key)) {
      const bool goes_on =
          entry.is_directory ? directory(entry.at.path().string(), entry.key) : file(entry);
      if (!goes_on) return false;
    }
    return true;
  }

 private:
  struct Entry {
    std::string key;  // of a directory it ends in '/', so that the order is that of whole keys
    bool is_directory;
    fs::directory_entry at;
  };

  std::vector<Entry> entries_of(const std::string& path, const std::string& key) const {
    std::vector<Entry> entries;
    std::error_code error;
    for (fs::directory_iterator at{path, error}, end; !error && at != end; at.increment(error)) {
      const std::string name = at->path().filename().string();
      std::error_code vanished;
      const bool is_directory = at->is_directory(vanished);
      if (vanished || name.front() == '.') continue;
      Entry entry{fmt::format("{}{}{}", key, name, is_directory ? "/" : ""), is_directory, *at};
      if (may_hold(entry)) entries.push_back(std::move(entry));
    }
    if (error && error != std::errc::no_such_file_or_directory) fail(error.value(), "list", path);
    std::sort(entries.begin(), entries.end(),
              [](const Entry& a, const Entry& b) { return a.key < b.key; });
    return entries;
  }

  // Others may have put files there, under names that are no keys of ours.
  bool may_hold(const Entry& entry) const {
    if (!entry.is_directory) {
      return entry.key.starts_with(prefix_) && entry.key > after_ && is_key(entry.key);
    }
    const bool in_prefix = entry.key.starts_with(prefix_) || prefix_.starts_with(entry.key);
    return in_prefix && (entry.key > after_ || after_.starts_with(entry.key));
  }

  bool file(const Entry& entry) {
    std::error_code error;
    ObjectInfo info{entry.key, entry.at.file_size(error), {}};
    if (!error) info.modified = modified_of(entry.at, error);
    if (error == std::errc::no_such_file_or_directory) return true;
    if (error) fail(error.value(), "look at", entry.at.path().string());
    return visit_(info);
  }

  const std::string_view prefix_;
  const std::string_view after_;
  const ObjectStore::Visit& visit_;
};

}  // namespace

void DirStore::list(std::string_view prefix, std::string_view after, const Visit& visit) {
  const std::string_view folder = prefix.substr(0, prefix.rfind('/') + 1);
  Walk{prefix, after, visit}.directory(fmt::format("{}/{}", folder_->path(), folder),
                                       std::string{folder});
}

std::unique_ptr<ObjectReader> DirStore::get(std::string_view key) {
  std::string path = folder_->path_of(key);
  FileSystem& files = folder_->files();
  Descriptor descriptor{files, files.open(path, FileSystem::Open::read)};
  const int result = descriptor.get();
  std::error_code unknown;
  const bool is_folder = result >= 0 && fs::is_directory(path, unknown);
  if (result == -ENOENT || result == -ENOTDIR || is_folder) return nullptr;
  check(result, "open", path);
  return std::make_unique<FileReader>(files, std::move(descriptor), std::move(path));
}

void DirStore::put(std::string_view key, std::string_view content) {
  Writer writer{folder_, folder_->path_of(key)};
  writer.write(content);
  writer.commit();
}

bool DirStore::create(std::string_view key, std::string_view content) {
  Writer writer{folder_, folder_->path_of(key)};
  writer.write(content);
  return writer.commit_new();
}

std::unique_ptr<ObjectWriter> DirStore::write(std::string_view key) {
  return std::make_unique<Writer>(folder_, folder_->path_of(key));
}

void DirStore::remove(std::string_view key) {
  const std::string path = folder_->path_of(key);
  const int removed = folder_->files().remove(path);
  if (removed == -ENOENT || removed == -ENOTDIR || removed == -EISDIR) return;
  check(removed, "remove", path);
}

void DirStore::sync(std::string_view key) {
  const std::string folder = parent_of(folder_->path_of(key));
  folder_->make(folder);
  folder_->sync(folder, Error::unavailable);
}

}  // namespace eventcollect
