// Reads what a file log has written, in its order: what FileSource is made of.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/file_system.hpp"
#include "drivers/file/checkpoint.hpp"
#include "drivers/file/directory.hpp"
#include "drivers/file/line_input.hpp"
#include "drivers/file/progress.hpp"
#include "drivers/file/unacknowledged.hpp"
#include "eventcollect/file.hpp"
#include "eventcollect/stored_event.hpp"

namespace eventcollect::file {

// One thread at a time, except backlog(), which is safe from any thread. All functions throw Error.
class Reader {
 public:
  // Reads only sealed files where `progress` is null, otherwise everything that is durable.
  Reader(std::string directory, FileSourceOptions options, base::FileSystem& files,
         std::shared_ptr<const Progress> progress);
  ~Reader();
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  bool read(Delivery& delivery, const ReadLimits& limits);
  void acknowledge(const Delivery& delivery);
  void rewind();
  FileSource::Backlog backlog() const;

 private:
  bool find_file(Progress::State& seen);
  bool open_sealed();
  bool take_lines(Delivery& delivery, const ReadLimits& limits, std::uint64_t end);
  void take_buffered(Delivery& delivery, const ReadLimits& limits, std::string_view line);
  void leave_file();
  void skip_to(const Place& place);
  void wait(const Progress::State& seen, std::chrono::milliseconds left) const;

  const FileSourceOptions options_;
  const Directory directory_;
  const std::shared_ptr<const Progress> progress_;
  Checkpoint checkpoint_;
  LineInput input_;
  StoredEventReader events_;
  Unacknowledged unacknowledged_;
  std::uint64_t session_ = 1;
};

}  // namespace eventcollect::file
