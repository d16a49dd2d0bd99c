// Sorts more events than fit into memory.
//
//   EventSorter sorter{{.memory_bytes = 64 << 20}};
//   for (…) sorter.add(event);
//   const auto events = EventSorter::merge({&sorter, 1});
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "compact/run_file.hpp"
#include "compact/sorted_events.hpp"

namespace eventcollect::compaction {

struct SortOptions {
  std::size_t memory_bytes = std::size_t{64} << 20;  // of one sorter; a longer line takes its own
  std::string temporary_directory{};
  std::stop_token stop{};
  std::size_t fan_in = 64;  // how many files, at least 2, are merged at once and open of each size
};

// One thread at a time.
class EventSorter {
 public:
  explicit EventSorter(SortOptions options);

  // Copies the event. Throws Error where a temporary file is needed and cannot be written, and
  // Stopped where files are to be merged after a stop.
  void add(const SortedEvent& event);

  // What was added to all `sorters`, which may not be used any more and have to outlive the result.
  // They share their options. Throws as add().
  static std::unique_ptr<SortedEvents> merge(std::span<EventSorter> sorters);

 private:
  class MemoryRun;

  // Files of about the same size, each of which `level` merges have made.
  using Level = std::vector<std::unique_ptr<RunFile>>;

  bool has_room(const SortedEvent& event) const;
  std::span<SortedEvent> sort();
  void spill();
  void add_file(std::unique_ptr<RunFile> file, std::size_t level);
  std::unique_ptr<RunFile> merge_files(Level files) const;
  std::unique_ptr<SortedEvents> read_files(Level files, std::size_t memory_bytes) const;
  std::size_t file_buffer_bytes() const;

  SortOptions options_;
  // Lines grow from the front, what orders them from the back: so either may be the larger part.
  std::unique_ptr<char[]> buffer_;
  std::size_t buffer_bytes_;
  std::size_t lines_bytes_ = 0;
  std::size_t count_ = 0;
  std::vector<Level> levels_;
};

}  // namespace eventcollect::compaction
