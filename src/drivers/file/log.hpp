// A directory of append-only files that survive crashes: what FileSink is made of.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/file_system.hpp"
#include "base/forks.hpp"
#include "drivers/file/directory.hpp"
#include "drivers/file/progress.hpp"
#include "eventcollect/clock.hpp"
#include "eventcollect/file.hpp"

namespace eventcollect::file {

class LeftFile;

// One thread at a time. All functions throw Error.
class Log {
 public:
  Log(std::string directory, FileSinkOptions options, base::FileSystem& files, const Clock& clock);

  // Seals the current file. Where that fails, the next start does.
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  // Appends whole lines. On return they are durable.
  void append(std::string_view lines);

  // Recovers from an earlier failure, seals a file that is old enough, and checks after a full disk
  // whether there is room again.
  void maintain();

  // For readers in this process: how far the log is durable.
  std::shared_ptr<const Progress> progress() const { return progress_; }
  const std::string& directory() const { return directory_.path(); }

 private:
  // How far the current file has come on its way to being sealed and followed by a new one. Each
  // step makes the one before durable; the next call repeats the step that failed.
  enum class Phase : std::uint8_t {
    appending,     // open; durable up to durable_bytes_
    damaged,       // a write or sync failed: what follows durable_bytes_ must be cut off
    sealing,       // durable; next it gets its final name, or is removed if it is empty
    renamed,       // has its final name, but the directory is not synced
    sealed,        // there is no current file
    created,       // there is a new one, but the directory is not synced
    create_failed  // the same, and the sync failed: start over with another new one
  };

  void make_directories();
  void take_lock();
  void survey();
  std::uint64_t sequence_at(const std::string& cursor);
  void recover();
  void set_damage_aside(const LeftFile& left);

  void bring_to_appending();
  void advance();
  void cut_back();
  void give_final_name();
  void remove_if_there(std::string_view name);
  void sync_renamed();
  void create();
  void sync_created();
  void publish();

  void check_bound(std::uint64_t more_bytes);
  void remove_oldest(const SealedFile& oldest);
  void check_room();
  bool is_old();
  std::string sealed_name() const;
  std::int64_t check(std::int64_t result, std::string_view what, std::string_view name);
  base::Descriptor open(std::string_view name, base::FileSystem::Open how, std::string_view what);

  const Directory directory_;
  const FileSinkOptions options_;
  base::FileSystem& files_;
  const Clock& clock_;
  const unsigned forks_ = base::forks();

  Phase phase_ = Phase::sealed;
  base::Descriptor lock_;
  base::Descriptor directory_descriptor_;
  std::shared_ptr<base::Descriptor> file_;
  std::string name_;                 // of file_, as it is now
  std::uint64_t durable_bytes_ = 0;  // of file_
  std::uint64_t sealed_bytes_ = 0;   // of all sealed files
  std::uint64_t sequence_ = 1;       // of the next file to be sealed
  bool out_of_space_ = false;        // by the last write
  TimePoint begun_;                  // when the first event of file_ came
  TimePoint looked_;                 // the last look at the clock
  const std::shared_ptr<Progress> progress_ = std::make_shared<Progress>();
};

}  // namespace eventcollect::file
