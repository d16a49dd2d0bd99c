// A file system in memory that forgets, at a power cut, what was not synced, and fails on request.
//
// Each call of it counts as a step. A file's unsynced writes and a directory's unsynced entries
// each survive the cut or not, in any combination; a write may survive in part. What is in a
// directory that does not survive is gone with it. A sync that fails loses what it was for, even if
// the next one succeeds: that is what Linux does.
#pragma once

#include <algorithm>
#include <cerrno>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "base/file_system.hpp"

namespace eventcollect::test {

// Thrown by every call from the moment of the cut on. Destructors know what to do with it.
struct PowerCut : std::exception {};

enum class Call {
  open,
  read,
  write,
  overwrite,
  truncate,
  sync_data,
  sync_directory,
  rename,
  link,
  remove,
  probe
};

class PowerCutFileSystem final : public base::FileSystem {
 public:
  // Asked before each call; a positive errno makes it fail. Absent: nothing fails.
  std::function<int(Call)> fault;

  // Writes take at most so many bytes at a time; 0 is no limit.
  std::size_t max_write = 0;

  // Says that a sync was done and does nothing: what a program would be that acknowledges first.
  bool lies_about_sync = false;

  // After so many further steps the power goes.
  void cut_after(std::size_t steps) { steps_left_ = steps; }

  // Comes back with what survived. `random` decides in what combination.
  void power_on(std::mt19937_64& random) {
    for (auto& [name, inode] : names_) inode->forget(random);
    for (auto& [name, inode] : durable_names_) inode->forget(random);
    for (const NameChange& change : pending_names_) {
      if (random() % 2 == 0) apply(change, durable_names_);
    }
    pending_names_.clear();
    remove_orphans(durable_names_);
    names_ = durable_names_;
    open_.clear();
    directories_.clear();
    steps_left_ = forever;
    // Whatever an inode held live is now what survived.
    for (auto& [name, inode] : names_) inode->content = inode->durable;
  }

  // The content of every file, by path.
  std::map<std::string, std::string> contents() const {
    std::map<std::string, std::string> result;
    for (const auto& [name, inode] : names_) {
      if (!inode->is_directory) result[name] = inode->content;
    }
    return result;
  }

  // What would be there if the power went now and nothing unsynced survived.
  std::map<std::string, std::string> durable_contents() const {
    std::map<std::string, std::string> result;
    Names survivors = durable_names_;
    remove_orphans(survivors);
    for (const auto& [name, inode] : survivors) {
      if (!inode->is_directory) result[name] = inode->durable;
    }
    return result;
  }

  std::size_t steps() const { return steps_; }

  int make_directory(const std::string& path) override {
    if (names_.contains(path)) return -EEXIST;
    auto inode = std::make_shared<Inode>();
    inode->is_directory = true;
    const std::string parent = parent_of(path);
    if (!is_top(parent) && !names_.contains(parent)) return -ENOENT;
    change({path, inode});
    return 0;
  }

  int open(const std::string& path, Open how) override {
    if (const int error = step(Call::open)) return -error;
    if (how == Open::directory) return open_directory(path);
    const auto found = names_.find(path);
    if (how == Open::create_new && found != names_.end()) return -EEXIST;
    const bool makes = how == Open::create_new || how == Open::overwrite;
    if (!makes && found == names_.end()) return -ENOENT;
    if (found == names_.end()) change({path, std::make_shared<Inode>()});
    const auto& inode = names_.at(path);
    if (how == Open::overwrite) inode->change({Write::truncation, 0, {}});
    return descriptor_of(inode);
  }

  void close(int descriptor) override { open_.erase(descriptor); }

  std::int64_t read(int descriptor, char* out, std::size_t bytes, std::uint64_t offset) override {
    if (const int error = step(Call::read)) return -error;
    const std::string& content = open_.at(descriptor)->content;
    if (offset >= content.size()) return 0;
    const std::string part = content.substr(offset, bytes);
    part.copy(out, part.size());
    return static_cast<std::int64_t>(part.size());
  }

  std::int64_t write(int descriptor, const char* data, std::size_t bytes) override {
    if (max_write > 0) bytes = std::min(bytes, max_write);
    Inode& inode = *open_.at(descriptor);
    if (const int error = fault ? fault(Call::write) : 0) {
      // A disk fills up in the middle of it; an interrupted write has written nothing.
      const std::size_t written = error == EINTR ? 0 : bytes / 2;
      inode.change({Write::data, inode.content.size(), std::string(data, written)});
      return -error;
    }
    inode.change({Write::data, inode.content.size(), std::string(data, bytes)});
    count_step();
    return static_cast<std::int64_t>(bytes);
  }

  std::int64_t overwrite(int descriptor, const char* data, std::size_t bytes,
                         std::uint64_t offset) override {
    if (const int error = step(Call::overwrite)) return -error;
    open_.at(descriptor)->change({Write::data, offset, std::string(data, bytes)});
    return static_cast<std::int64_t>(bytes);
  }

  std::int64_t size(const std::string& path) override {
    const auto found = names_.find(path);
    if (found == names_.end()) return -ENOENT;
    return static_cast<std::int64_t>(found->second->content.size());
  }

  int truncate(int descriptor, std::uint64_t bytes) override {
    if (const int error = step(Call::truncate)) return -error;
    open_.at(descriptor)->change({Write::truncation, bytes, {}});
    return 0;
  }

  int sync_data(int descriptor) override {
    const int error = step(Call::sync_data);
    Inode& inode = *open_.at(descriptor);
    if (lies_about_sync) return 0;
    if (error == 0) {
      for (const Write& write : inode.pending) write.apply(inode.durable);
    }
    inode.pending.clear();
    return -error;
  }

  int sync(int descriptor) override {
    const int error = step(Call::sync_directory);
    if (lies_about_sync) return 0;
    const std::string& directory = directories_.at(descriptor);
    std::vector<NameChange> others;
    for (NameChange& change : pending_names_) {
      const bool is_here = parent_of(change.name) == directory ||
                           (!change.from.empty() && parent_of(change.from) == directory);
      if (!is_here) {
        others.push_back(std::move(change));
      } else if (error == 0) {
        apply(change, durable_names_);
      }
    }
    pending_names_ = std::move(others);
    return -error;
  }

  int rename(const std::string& from, const std::string& to) override {
    if (const int error = step(Call::rename)) return -error;
    const auto found = names_.find(from);
    if (found == names_.end()) return -ENOENT;
    change({to, found->second, from});
    return 0;
  }

  int link(const std::string& from, const std::string& to) override {
    if (const int error = step(Call::link)) return -error;
    const auto found = names_.find(from);
    if (found == names_.end()) return -ENOENT;
    if (names_.contains(to)) return -EEXIST;
    change({to, found->second});
    return 0;
  }

  int remove(const std::string& path) override {
    if (const int error = step(Call::remove)) return -error;
    if (!names_.contains(path)) return -ENOENT;
    change({path, nullptr});
    return 0;
  }

  int list(const std::string& directory, std::vector<std::string>& names) override {
    for (const auto& [path, inode] : names_) {
      if (path.starts_with(directory + "/")) names.push_back(path.substr(directory.size() + 1));
    }
    return 0;
  }

  int lock(const std::string&) override { return descriptor_of(std::make_shared<Inode>()); }

  int is_same(const std::string& path, int descriptor) override {
    const auto found = names_.find(path);
    return found != names_.end() && found->second == open_.at(descriptor) ? 1 : 0;
  }

  // Like ext4, it has grown the file even where it then fails.
  int probe_space(int descriptor, std::uint64_t size, std::uint64_t bytes) override {
    open_.at(descriptor)->change({Write::data, size, std::string(bytes, '\0')});
    return -step(Call::probe);
  }

 private:
  static constexpr std::size_t forever = static_cast<std::size_t>(-1);

  struct Write {
    enum Kind { data, truncation } kind;
    std::uint64_t offset;
    std::string bytes;

    void apply(std::string& content) const {
      if (kind == truncation) return content.resize(offset);
      if (content.size() < offset + bytes.size()) content.resize(offset + bytes.size());
      content.replace(offset, bytes.size(), bytes);
    }
  };

  struct Inode {
    bool is_directory = false;
    std::string content;
    std::string durable;
    std::vector<Write> pending;

    void change(Write write) {
      write.apply(content);
      pending.push_back(std::move(write));
    }

    void forget(std::mt19937_64& random) {
      for (Write& write : pending) {
        if (random() % 2 == 0) continue;
        if (!write.bytes.empty() && random() % 3 == 0) {
          write.bytes.resize(random() % write.bytes.size());
        }
        write.apply(durable);
      }
      pending.clear();
    }
  };

  // `name` is `inode` from now on, or nothing; `from` is no longer.
  struct NameChange {
    std::string name;
    std::shared_ptr<Inode> inode;
    std::string from{};
  };

  using Names = std::map<std::string, std::shared_ptr<Inode>>;

  static void apply(const NameChange& change, Names& names) {
    if (!change.from.empty()) names.erase(change.from);
    if (change.inode) {
      names[change.name] = change.inode;
    } else {
      names.erase(change.name);
    }
  }

  void change(NameChange change) {
    apply(change, names_);
    pending_names_.push_back(std::move(change));
  }

  void count_step() {
    if (steps_left_ == 0) throw PowerCut{};
    if (steps_left_ != forever) --steps_left_;
    ++steps_;
  }

  int step(Call call) {
    count_step();
    return fault ? fault(call) : 0;
  }

  static bool is_top(const std::string& directory) { return directory == "." || directory == "/"; }

  static std::string parent_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    if (slash == std::string::npos) return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
  }

  // Parents stand before what they hold.
  static void remove_orphans(Names& names) {
    std::erase_if(names, [&](const auto& entry) {
      const std::string parent = parent_of(entry.first);
      return !is_top(parent) && !names.contains(parent);
    });
  }

  int open_directory(std::string path) {
    while (path.size() > 1 && path.ends_with('/')) path.pop_back();
    const auto found = names_.find(path);
    if (!is_top(path) && found == names_.end()) return -ENOENT;
    const int opened =
        descriptor_of(found == names_.end() ? std::make_shared<Inode>() : found->second);
    directories_[opened] = std::move(path);
    return opened;
  }

  int descriptor_of(std::shared_ptr<Inode> inode) {
    open_[++last_descriptor_] = std::move(inode);
    return last_descriptor_;
  }

  Names names_;
  Names durable_names_;
  std::vector<NameChange> pending_names_;
  std::map<int, std::shared_ptr<Inode>> open_;
  std::map<int, std::string> directories_;  // those of open_ that are one
  int last_descriptor_ = 0;
  std::size_t steps_ = 0;
  std::size_t steps_left_ = forever;
};

}  // namespace eventcollect::test
