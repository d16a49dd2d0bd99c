// Sorted events in a temporary file that has no name, and goes with the process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "compact/sorted_events.hpp"

namespace eventcollect::compaction {

// One thread at a time.
class RunFile {
 public:
  // In `directory`, or the system's where that is empty. Throws Error, as all of it does.
  RunFile(const std::string& directory, std::size_t buffer_bytes);
  ~RunFile();
  RunFile(const RunFile&) = delete;
  RunFile& operator=(const RunFile&) = delete;

  // Not before the last one.
  void add(const SortedEvent& event);

  // Nothing more is added. Gives the buffer's memory back.
  void finish();

  int descriptor() const { return descriptor_; }
  std::uint64_t bytes() const { return bytes_; }

 private:
  void flush();

  int descriptor_ = -1;
  std::string directory_;
  std::size_t buffer_bytes_;
  std::string buffer_;
  std::uint64_t bytes_ = 0;  // of the file
};

// Reads a finished file from its beginning, with a buffer of about `buffer_bytes`, or as large as
// the longest line. The file goes with it.
std::unique_ptr<SortedEvents> read_run(std::unique_ptr<RunFile> file, std::size_t buffer_bytes);

}  // namespace eventcollect::compaction
