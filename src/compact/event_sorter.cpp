#include "compact/event_sorter.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <new>
#include <utility>

#include "objects/stoppable_store.hpp"

namespace eventcollect::compaction {
namespace {

constexpr std::size_t min_file_buffer_bytes = 4 << 10;
constexpr std::size_t max_file_buffer_bytes = 1 << 20;

// A quarter is left for the buffers of files that are merged between.
std::size_t sort_buffer_bytes(const SortOptions& options) {
  const std::size_t bytes = options.memory_bytes / 4 * 3;
  return std::max(bytes / sizeof(SortedEvent), std::size_t{2}) * sizeof(SortedEvent);
}

void write_all(SortedEvents& events, RunFile& file, const std::stop_token& stop) {
  for (SortedEvent event; events.next(event);) {
    objects::check_stop(stop);
    file.add(event);
  }
  file.finish();
}

}  // namespace

// What a sorter has in memory, sorted.
class EventSorter::MemoryRun final : public SortedEvents {
 public:
  explicit MemoryRun(std::span<const SortedEvent> events) : rest_{events} {}

  bool next(SortedEvent& out) override {
    if (rest_.empty()) return false;
    out = rest_.front();
    rest_ = rest_.subspan(1);
    return true;
  }

 private:
  std::span<const SortedEvent> rest_;
};

EventSorter::EventSorter(SortOptions options)
    : options_{std::move(options)}, buffer_bytes_{sort_buffer_bytes(options_)} {
  options_.fan_in = std::max<std::size_t>(options_.fan_in, 2);
}

void EventSorter::add(const SortedEvent& event) {
  if (!has_room(event) && count_ > 0) spill();
  if (!has_room(event)) {
    // Longer than the whole buffer.
    auto file = std::make_unique<RunFile>(options_.temporary_directory, file_buffer_bytes());
    file->add(event);
    file->finish();
    add_file(std::move(file), 0);
    return;
  }
  // Not set to zero: memory that no event comes to is never taken.
  if (buffer_ == nullptr) buffer_ = std::make_unique_for_overwrite<char[]>(buffer_bytes_);
  char* const line = buffer_.get() + lines_bytes_;
  std::memcpy(line, event.line.data(), event.line.size());
  lines_bytes_ += event.line.size();
  ++count_;
  auto* const place = reinterpret_cast<SortedEvent*>(buffer_.get() + buffer_bytes_) - count_;
  ::new (static_cast<void*>(place)) SortedEvent{event.id_high, event.id_low, event.server_time,
                                                std::string_view{line, event.line.size()}};
}

bool EventSorter::has_room(const SortedEvent& event) const {
  return lines_bytes_ + event.line.size() + (count_ + 1) * sizeof(SortedEvent) <= buffer_bytes_;
}

std::span<SortedEvent> EventSorter::sort() {
  if (count_ == 0) return {};
  auto* const end = reinterpret_cast<SortedEvent*>(buffer_.get() + buffer_bytes_);
  std::sort(end - count_, end);
  return {end - count_, count_};
}

void EventSorter::spill() {
  auto file = std::make_unique<RunFile>(options_.temporary_directory, file_buffer_bytes());
  for (const SortedEvent& event : sort()) file->add(event);
  file->finish();
  lines_bytes_ = count_ = 0;
  add_file(std::move(file), 0);
}

// Merges a level that has become full into one file of the next, so that the open files are few
// whatever is added.
void EventSorter::add_file(std::unique_ptr<RunFile> file, std::size_t level) {
  if (levels_.size() <= level) levels_.resize(level + 1);
  levels_[level].push_back(std::move(file));
  if (levels_[level].size() < options_.fan_in) return;
  add_file(merge_files(std::exchange(levels_[level], {})), level + 1);
}

std::unique_ptr<RunFile> EventSorter::merge_files(Level files) const {
  auto merged = std::make_unique<RunFile>(options_.temporary_directory, file_buffer_bytes());
  write_all(*read_files(std::move(files), options_.memory_bytes / 4), *merged, options_.stop);
  return merged;
}

std::unique_ptr<SortedEvents> EventSorter::read_files(Level files, std::size_t memory_bytes) const {
  const std::size_t buffer_bytes = std::clamp(memory_bytes / std::max<std::size_t>(files.size(), 1),
                                              min_file_buffer_bytes, max_file_buffer_bytes);
  std::vector<std::unique_ptr<SortedEvents>> runs;
  runs.reserve(files.size());
  for (auto& file : files) runs.push_back(read_run(std::move(file), buffer_bytes));
  return std::make_unique<MergedEvents>(std::move(runs));
}

std::size_t EventSorter::file_buffer_bytes() const {
  return std::clamp(options_.memory_bytes / 64, min_file_buffer_bytes, max_file_buffer_bytes);
}

std::unique_ptr<SortedEvents> EventSorter::merge(std::span<EventSorter> sorters) {
  const bool in_memory = std::all_of(sorters.begin(), sorters.end(),
                                     [](const EventSorter& one) { return one.levels_.empty(); });
  if (in_memory) {
    std::vector<std::unique_ptr<SortedEvents>> runs;
    runs.reserve(sorters.size());
    for (EventSorter& sorter : sorters) runs.push_back(std::make_unique<MemoryRun>(sorter.sort()));
    return std::make_unique<MergedEvents>(std::move(runs));
  }
  Level files;
  for (EventSorter& sorter : sorters) {
    if (sorter.count_ > 0) sorter.spill();
    sorter.buffer_.reset();
    for (Level& level : sorter.levels_) {
      std::move(level.begin(), level.end(), std::back_inserter(files));
    }
    sorter.levels_.clear();
  }
  const EventSorter& any = sorters.front();
  const std::size_t fan_in = any.options_.fan_in;
  while (files.size() > fan_in) {
    // The smallest first: they are written and read once more.
    std::sort(files.begin(), files.end(),
              [](const auto& a, const auto& b) { return a->bytes() < b->bytes(); });
    const std::size_t taken = std::min(fan_in, files.size() - fan_in + 1);
    const auto end = files.begin() + static_cast<std::ptrdiff_t>(taken);
    Level smallest{std::move_iterator{files.begin()}, std::move_iterator{end}};
    files.erase(files.begin(), end);
    files.push_back(any.merge_files(std::move(smallest)));
  }
  return any.read_files(std::move(files), any.options_.memory_bytes * sorters.size() / 2);
}

}  // namespace eventcollect::compaction
