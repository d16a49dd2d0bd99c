// Reads what a file log has written, in its order: what FileSource is made of.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/file_system.hpp"
#include "base/line_buffer.hpp"
#include "drivers/file/cursor.hpp"
#include "drivers/file/progress.hpp"
#include "eventcollect/file.hpp"
#include "eventcollect/stored_event.hpp"

namespace eventcollect::file {

// One thread at a time, but for backlog(). All functions throw Error.
class Reader {
 public:
  // Reads sealed files only where `progress` is null, else up to what is durable.
  Reader(std::string directory, FileSourceOptions options, FileSystem& files,
         std::shared_ptr<const Progress> progress);
  ~Reader();
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  bool read(Delivery& delivery, const ReadLimits& limits);
  void acknowledge(const Delivery& delivery);
  void rewind();
  FileSource::Backlog backlog() const;

 private:
  // What was taken at once and is not acknowledged.
  struct Read {
    std::uint64_t number;
    Place end;
    std::optional<TimePoint> oldest;
  };

  // The file at next_.
  struct Input {
    Input();

    std::shared_ptr<const Descriptor> file;
    bool is_sealed = false;
    LineBuffer lines;  // read from next_.offset on, but not yet taken
  };

  bool find_input(Progress::State& seen);
  bool take_lines(Delivery& delivery, const ReadLimits& limits, std::uint64_t end);
  bool fill(std::uint64_t end);
  void take_line(Delivery& delivery, std::string_view line);
  void note_taken(Delivery& delivery, bool is_first);
  void leave_file();
  void wait(const Progress::State& seen, std::chrono::milliseconds left) const;
  std::optional<std::pair<std::uint64_t, std::string>> first_sealed(std::uint64_t from) const;
  std::vector<std::string> names() const;
  void move_cursor(const Place& place);
  void save_cursor();
  void remove_passed();
  std::int64_t check(std::int64_t result, const char* what, std::string_view name) const;

  const std::string directory_;
  const FileSourceOptions options_;
  FileSystem& files_;
  const std::shared_ptr<const Progress> progress_;
  Cursor cursor_;
  StoredEventReader events_;

  Input input_;
  Place next_;                   // to be read
  std::uint64_t last_read_ = 0;  // its number
  bool may_remove_ = false;      // a file was passed since the last look for what can go
  std::uint64_t session_ = 1;
  std::chrono::steady_clock::time_point saved_at_;

  mutable std::mutex mutex_;  // of what backlog() asks for
  Place acknowledged_;
  std::deque<Read> unacknowledged_;
  std::optional<TimePoint> oldest_rewound_;  // of what is to be read again
};

}  // namespace eventcollect::file
