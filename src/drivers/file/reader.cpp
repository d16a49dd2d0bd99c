#include "drivers/file/reader.hpp"

#include <algorithm>
#include <exception>
#include <limits>
#include <optional>
#include <thread>
#include <utility>

#include "drivers/file/backlog.hpp"

namespace eventcollect::file {

using base::FileSystem;

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds look_interval{100};  // for new files of another process
constexpr std::uint64_t whole_file = std::numeric_limits<std::uint64_t>::max();

bool is_full(const Delivery& delivery, const ReadLimits& limits) {
  return delivery.size() >= limits.max_events || delivery.bytes() >= limits.max_bytes;
}

}  // namespace

Reader::Reader(std::string directory, FileSourceOptions options, FileSystem& files,
               std::shared_ptr<const Progress> progress)
    : options_{std::move(options)},
      directory_{std::move(directory), files},
      progress_{std::move(progress)},
      checkpoint_{directory_, options_.cursor, options_.consume},
      input_{directory_, checkpoint_.saved()},
      unacknowledged_{checkpoint_.saved()} {}

Reader::~Reader() {
  try {
    checkpoint_.save(unacknowledged_.state().acknowledged);
  } catch (const std::exception&) {
    // The events since the last save come again.
  }
}

bool Reader::read(Delivery& delivery, const ReadLimits& limits) {
  const auto deadline = steady_clock::now() + limits.wait;
  if (!delivery.empty() && delivery.session != session_) delivery.clear();
  for (;;) {
    Progress::State seen;
    const bool found = find_file(seen);
    const std::uint64_t end = input_.is_sealed() ? whole_file : seen.durable_bytes;
    if (found && take_lines(delivery, limits, end)) return true;
    if (found && input_.is_sealed()) {
      leave_file();
      continue;
    }
    if (!options_.follow) return false;
    checkpoint_.save_if_due(unacknowledged_.state().acknowledged);
    const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
    if (left.count() <= 0) return true;
    wait(seen, left);
  }
}

// Opens the file at the input's place, or the first one after it, and notes the log's progress.
// False if there is none yet.
bool Reader::find_file(Progress::State& seen) {
  if (progress_) seen = progress_->state();
  // The log has sealed the growing file, or has removed it because it was empty; then the next file
  // gets its number.
  if (input_.file() && !input_.is_sealed() && seen.file != input_.file()) input_.close();
  if (input_.file()) return true;
  const bool is_behind = !progress_ || input_.place().sequence < seen.sequence;
  if (is_behind && open_sealed()) return true;
  if (!progress_ || !seen.file) return false;
  input_.open(seen.file, seen.sequence, false);
  return true;
}

// Opens the first sealed file at or after the input's place. False if there is none.
bool Reader::open_sealed() {
  while (const auto sealed = directory_.first_sealed(input_.place().sequence)) {
    // Another reader may remove the file between the two calls.
    if (auto file = directory_.open(sealed->name)) {
      input_.open(std::move(file), sealed->sequence, true);
      return true;
    }
  }
  return false;
}

// Takes lines that end before `end`. True if the delivery has everything that can be had at once.
bool Reader::take_lines(Delivery& delivery, const ReadLimits& limits, std::uint64_t end) {
  const Place begin = input_.place();
  while (!is_full(delivery, limits)) {
    std::string_view line;
    if (input_.next(line)) {
      take_buffered(delivery, limits, line);
    } else if (!input_.fill(end)) {
      break;
    }
  }
  return (input_.place() != begin && !delivery.empty()) || is_full(delivery, limits);
}

// Takes `line` and the lines that are read with it, and notes them before the next read, which may
// fail: they must be acknowledged all the same.
void Reader::take_buffered(Delivery& delivery, const ReadLimits& limits, std::string_view line) {
  const bool is_first = delivery.empty();
  const std::size_t before = delivery.size();
  do {
    if (line.empty()) continue;  // in place of a damaged one
    auto rejection = events_.append(line, delivery.batch);
    if (rejection) delivery.rejections.push_back(*std::move(rejection));
  } while (!is_full(delivery, limits) && input_.next(line));
  if (delivery.size() == before) return skip_to(input_.place());
  std::optional<TimePoint> oldest;
  if (is_first && !delivery.batch.empty()) oldest = delivery.batch.front().server_time;
  delivery.session = session_;
  delivery.position = unacknowledged_.add(input_.place(), oldest);
}

// Goes on to the next file: this one is sealed and read to its end.
void Reader::leave_file() {
  input_.move_to({input_.place().sequence + 1, 0});
  skip_to(input_.place());
}

// Nothing that is to be acknowledged is left before `place`.
void Reader::skip_to(const Place& place) {
  const auto moved = unacknowledged_.skip_to(place);
  if (moved) checkpoint_.save_if_due(*moved);
}

void Reader::wait(const Progress::State& seen, milliseconds left) const {
  if (progress_) return progress_->wait_beyond(seen, left);
  std::this_thread::sleep_for(std::min(left, look_interval));
}

void Reader::acknowledge(const Delivery& delivery) {
  if (delivery.session != session_) return;
  const auto moved = unacknowledged_.acknowledge(delivery.position);
  if (moved) checkpoint_.save_if_due(*moved);
}

void Reader::rewind() {
  ++session_;
  unacknowledged_.rewind();
  input_.move_to(unacknowledged_.state().acknowledged);
}

FileSource::Backlog Reader::backlog() const {
  const Unacknowledged::State state = unacknowledged_.state();
  return {bytes_from(state.acknowledged, directory_, progress_.get()), state.oldest};
}

}  // namespace eventcollect::file
