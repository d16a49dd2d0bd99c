// Events in files of NDJSON in a directory: the sink that needs nothing but a disk, and its source.
//
//   Collector events{std::make_shared<FileSink>("events")};      // or open_sink("file:events")
//   pump(*std::make_shared<FileSource>("events"), *sink, {}, stop);   // or open_source
//
//   DIR/current.ndjson                          grows; every acknowledged event is synced
//   DIR/0000000001-20261123T181500Z.ndjson      sealed: full or old enough, never changes again
//   DIR/0000000002-….ndjson.torn                what a crash left of a line; never acknowledged
//   DIR/0000000002-….ndjson.damaged             lines that a disk, say, has damaged
//
//   DIR/reader.cursor                           how far the source of that name has come
//
// Another process reads sealed files only.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "eventcollect/clock.hpp"
#include "eventcollect/sink.hpp"
#include "eventcollect/source.hpp"

namespace eventcollect {

namespace file {
class Log;
class Reader;
}  // namespace file

// As URL options: file:DIR?rotate_bytes=64MiB&rotate_age=1h&max_total_bytes=10GiB&remove_oldest=1
struct FileSinkOptions {
  std::uint64_t rotate_bytes = std::uint64_t{64} << 20;          // seal a file at this size
  std::chrono::milliseconds rotate_age = std::chrono::hours{1};  // and at this age
  // Of all event files together; 0 is unlimited. At the limit write() throws. What is
  // torn or damaged does not count, since readers never remove it: remove it as you like.
  std::uint64_t max_total_bytes = 0;
  // At the limit the oldest sealed files go instead, read or not. A file is then sealed at an
  // eighth of the limit, or at rotate_bytes where that is less.
  bool remove_oldest = false;
  // Called for each of them, on the thread that writes. Must not throw.
  std::function<void(const std::string& name, std::uint64_t bytes)> on_removed{};
};

// Each write is appended and synced (fdatasync) before it returns, the directory entry of a new
// file too. After a failed write or sync the file is cut back to what was durable and sealed, and a
// new one begins. What a crash left is sealed at the next start: a torn line at its end, which was
// never acknowledged, is cut off and kept; where lines before it are damaged, they alone are set
// aside, blank lines take their place, and a notice says so (notice.hpp). No file of it may be a
// symbolic link. One writer per directory, held by a lock on DIR/.lock. One thread at a time.
class FileSink final : public Sink {
 public:
  // Makes the directory and its parents where missing. Throws Error: misconfigured where
  // another writer has the directory or the path is not one, unavailable where a system call fails.
  // `clock` names the sealed files and times their rotation; it has to outlive the sink.
  explicit FileSink(const std::string& directory, FileSinkOptions options = {},
                    const Clock& clock = system_clock());

  // Seals current.ndjson, so that readers in other processes get all of it. Where that fails, the
  // next start does. In a child of fork it leaves the files to the parent.
  ~FileSink() override;

  void write(const Batch& batch, Rejections& rejections) override;
  void maintain() override;

 private:
  friend class FileSource;
  std::unique_ptr<file::Log> log_;
};

// As URL options: file:DIR?cursor=reader&consume=1&follow=0
struct FileSourceOptions {
  std::string cursor = "reader";  // each reader of a directory has one of its own
  bool consume = false;           // remove sealed files that the readers of all cursors have passed
  bool follow = true;             // wait for more; otherwise end after the last sealed file
};

// Reads what a FileSink wrote, in its order, from where the cursor stands: after a crash at most
// the last second's events come again. One reader per cursor, held by a lock. A line that is not
// one of our events becomes a rejection. One thread at a time, except backlog().
class FileSource final : public Source {
 public:
  // Reads the sealed files of `directory`, which another process may be writing. Throws
  // Error: misconfigured where another reader has the cursor, unavailable where a system call
  // fails.
  explicit FileSource(const std::string& directory, FileSourceOptions options = {});

  // Follows a sink of this process closely: reads what is durable as soon as it is. The sink may be
  // destroyed first.
  explicit FileSource(const FileSink& sink, FileSourceOptions options = {});
  ~FileSource() override;

  bool read(Delivery& delivery, const ReadLimits& limits) override;
  void acknowledge(const Delivery& delivery) override;

  // Begins a new session: what was read and not acknowledged comes again.
  void rewind();

  // What is not acknowledged.
  struct Backlog {
    std::uint64_t bytes = 0;          // of lines
    std::optional<TimePoint> oldest;  // server_time of the first event, once it was read
  };

  // Lists the directory, so not for every event. Safe from any thread. Throws Error.
  Backlog backlog() const;

 private:
  std::unique_ptr<file::Reader> reader_;
};

}  // namespace eventcollect
