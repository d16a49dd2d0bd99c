#include "drivers/file/reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <span>
#include <thread>
#include <utility>

#include "base/errno_text.hpp"
#include "drivers/file/names.hpp"

namespace eventcollect::file {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::size_t chunk_bytes = std::size_t{256} << 10;
constexpr std::size_t max_line_bytes = std::size_t{16} << 20;
constexpr milliseconds look_interval{100};        // for new files of another process
constexpr std::chrono::seconds save_interval{1};  // between the cursor's ways to the disk
constexpr std::uint64_t everything = std::numeric_limits<std::uint64_t>::max();

bool is_full(const Delivery& delivery, const ReadLimits& limits) {
  return delivery.size() >= limits.max_events || delivery.bytes() >= limits.max_bytes;
}

}  // namespace

Reader::Reader(std::string directory, FileSourceOptions options, FileSystem& files,
               std::shared_ptr<const Progress> progress)
    : directory_{std::move(directory)},
      options_{std::move(options)},
      files_{files},
      progress_{std::move(progress)},
      cursor_{files, directory_, options_.cursor},
      next_{cursor_.saved()},
      saved_at_{steady_clock::now()},
      acknowledged_{cursor_.saved()} {}

Reader::Input::Input() : lines{chunk_bytes, max_line_bytes + chunk_bytes} {}

Reader::~Reader() {
  try {
    save_cursor();
  } catch (const std::exception&) {
    // Then some events come twice.
  }
}

bool Reader::read(Delivery& delivery, const ReadLimits& limits) {
  const auto deadline = steady_clock::now() + limits.wait;
  if (!delivery.empty() && delivery.session != session_) delivery.clear();
  for (;;) {
    Progress::State seen;
    const bool found = find_input(seen);
    const std::uint64_t end = input_.is_sealed ? everything : seen.durable_bytes;
    if (found && take_lines(delivery, limits, end)) return true;
    if (found && input_.is_sealed) {
      leave_file();
      continue;
    }
    if (!options_.follow) return false;
    // Nothing is to be done: time for what may wait.
    if (may_remove_ || steady_clock::now() >= saved_at_ + save_interval) save_cursor();
    const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
    if (left.count() <= 0) return true;
    wait(seen, left);
  }
}

// Finds the file at next_, or the first behind it. False if there is none yet.
bool Reader::find_input(Progress::State& seen) {
  if (progress_) seen = progress_->state();
  // Sealed, or gone: a file that stays empty gives its number to the next. So it is looked for
  // anew.
  if (input_.file && !input_.is_sealed && seen.file != input_.file) input_ = {};
  if (input_.file) return true;
  const bool is_behind = !progress_ || next_.sequence < seen.sequence;
  if (const auto sealed = is_behind ? first_sealed(next_.sequence) : std::nullopt) {
    if (sealed->first != next_.sequence) next_ = {sealed->first, 0};
    const std::string path = fmt::format("{}/{}", directory_, sealed->second);
    const int opened = files_.open(path, FileSystem::Open::read);
    if (opened == -ENOENT) return find_input(seen);  // somebody was faster
    input_.file = std::make_shared<Descriptor>(
        files_, static_cast<int>(check(opened, "open", sealed->second)));
    input_.is_sealed = true;
    return true;
  }
  if (!progress_ || !seen.file) return false;
  if (next_.sequence != seen.sequence) next_ = {seen.sequence, 0};
  input_.file = seen.file;
  input_.is_sealed = false;
  return true;
}

// Takes lines that end before `end`. True if the delivery has what can be had at once.
bool Reader::take_lines(Delivery& delivery, const ReadLimits& limits, std::uint64_t end) {
  const Place begin = next_;
  while (!is_full(delivery, limits)) {
    std::string_view line;
    if (!input_.lines.next(line)) {
      if (fill(end)) continue;
      break;
    }
    const bool is_first = delivery.empty();
    do {
      take_line(delivery, line);
      next_.offset += line.size() + 1;
    } while (!is_full(delivery, limits) && input_.lines.next(line));
    note_taken(delivery, is_first);
  }
  return next_ != begin || is_full(delivery, limits);
}

// At once, for should the next call fail, what was taken still has to be acknowledged.
void Reader::note_taken(Delivery& delivery, bool is_first) {
  const std::lock_guard lock{mutex_};
  std::optional<TimePoint> oldest;
  if (is_first && !delivery.batch.empty()) oldest = delivery.batch.front().server_time;
  unacknowledged_.push_back({++last_read_, next_, oldest});
  delivery.session = session_;
  delivery.position = last_read_;
}

// Reads on, up to `end`. False if there is no more.
bool Reader::fill(std::uint64_t end) {
  const std::size_t pending = input_.lines.rest().size();
  const std::uint64_t offset = next_.offset + pending;
  if (offset >= end) return false;
  if (pending > max_line_bytes) {
    throw Error{Error::misconfigured, fmt::format("a file of '{}' holds no lines", directory_)};
  }
  const std::span<char> room = input_.lines.room();
  const std::size_t wanted = std::min<std::uint64_t>(room.size(), end - offset);
  const std::int64_t got = read_again(files_, input_.file->get(), room.data(), wanted, offset);
  check(got, "read a file of", directory_);
  if (got == 0 && input_.is_sealed && pending > 0) {
    room.front() = '\n';  // a last line without an end is one nevertheless
    input_.lines.add(1);
    return true;
  }
  input_.lines.add(static_cast<std::size_t>(got));
  return got > 0;
}

void Reader::take_line(Delivery& delivery, std::string_view line) {
  if (line.empty()) return;
  auto rejection = events_.append(line, delivery.batch);
  if (rejection) delivery.rejections.push_back(*std::move(rejection));
}

// The file at next_ is sealed and read to its end.
void Reader::leave_file() {
  input_ = {};
  next_ = {next_.sequence + 1, 0};
  bool has_passed = false;
  {
    const std::lock_guard lock{mutex_};
    has_passed = unacknowledged_.empty();
    if (!has_passed) unacknowledged_.back().end = next_;
  }
  if (has_passed) move_cursor(next_);
}

void Reader::wait(const Progress::State& seen, milliseconds left) const {
  if (progress_) return progress_->wait_beyond(seen, left);
  std::this_thread::sleep_for(std::min(left, look_interval));
}

void Reader::acknowledge(const Delivery& delivery) {
  if (delivery.session != session_) return;
  std::optional<Place> passed;
  {
    const std::lock_guard lock{mutex_};
    while (!unacknowledged_.empty() && unacknowledged_.front().number <= delivery.position) {
      oldest_rewound_.reset();
      passed = unacknowledged_.front().end;
      unacknowledged_.pop_front();
    }
  }
  if (passed) move_cursor(*passed);
}

void Reader::rewind() {
  input_ = {};
  ++session_;
  const std::lock_guard lock{mutex_};
  next_ = acknowledged_;
  if (!oldest_rewound_ && !unacknowledged_.empty()) {
    oldest_rewound_ = unacknowledged_.front().oldest;
  }
  unacknowledged_.clear();
}

void Reader::move_cursor(const Place& place) {
  {
    const std::lock_guard lock{mutex_};
    may_remove_ = may_remove_ || place.sequence != acknowledged_.sequence;
    acknowledged_ = place;
  }
  if (may_remove_ || steady_clock::now() >= saved_at_ + save_interval) save_cursor();
}

void Reader::save_cursor() {
  if (cursor_.saved() != acknowledged_) {
    cursor_.save(acknowledged_);
    saved_at_ = steady_clock::now();
  }
  if (may_remove_ && options_.consume) remove_passed();
  may_remove_ = false;
}

// Removes the sealed files that every reader has done with. Each reader's cursor is durable, so
// that the writer never gives the number of a removed file to a new one.
void Reader::remove_passed() {
  const auto all = names();
  std::uint64_t passed = everything;
  for (const std::string& name : all) {
    if (!name.ends_with(cursor_suffix)) continue;
    Place cursor;  // one that cannot be read has passed nothing
    read_cursor(files_, fmt::format("{}/{}", directory_, name), cursor);
    passed = std::min(passed, cursor.sequence);
  }
  for (const std::string& name : all) {
    if (!is_sealed_file(name) || sequence_of(name) >= passed) continue;
    const int removed = files_.remove(fmt::format("{}/{}", directory_, name));
    if (removed != -ENOENT) check(removed, "remove", name);
  }
}

FileSource::Backlog Reader::backlog() const {
  Place from;
  FileSource::Backlog backlog;
  {
    const std::lock_guard lock{mutex_};
    from = acknowledged_;
    backlog.oldest = oldest_rewound_;
    for (const Read& read : unacknowledged_) {
      if (!backlog.oldest) backlog.oldest = read.oldest;
    }
  }
  // First how far the growing file is: it may be sealed before the others are listed.
  const Progress::State place =
      progress_ ? progress_->state() : Progress::State{.sequence = everything};
  const auto add = [&](std::uint64_t sequence, std::uint64_t bytes) {
    if (sequence < from.sequence) return;
    backlog.bytes += bytes - (sequence == from.sequence ? std::min(from.offset, bytes) : 0);
  };
  add(place.sequence, place.durable_bytes);
  for (const std::string& name : names()) {
    if (!is_sealed_file(name) || sequence_of(name) >= place.sequence) continue;
    const std::int64_t size = files_.size(fmt::format("{}/{}", directory_, name));
    add(sequence_of(name), static_cast<std::uint64_t>(std::max<std::int64_t>(0, size)));
  }
  return backlog;
}

// The sealed file with the smallest number that is not below `from`: that number and its name.
std::optional<std::pair<std::uint64_t, std::string>> Reader::first_sealed(
    std::uint64_t from) const {
  std::optional<std::pair<std::uint64_t, std::string>> first;
  for (const std::string& name : names()) {
    const std::uint64_t sequence = is_sealed_file(name) ? sequence_of(name) : 0;
    if (sequence == 0 || sequence < from || (first && first->first < sequence)) continue;
    first = {sequence, name};
  }
  return first;
}

std::vector<std::string> Reader::names() const {
  std::vector<std::string> found;
  check(files_.list(directory_, found), "list", directory_);
  return found;
}

std::int64_t Reader::check(std::int64_t result, const char* what, std::string_view name) const {
  if (result >= 0) return result;
  throw Error{Error::unavailable, fmt::format("cannot {} '{}' of '{}': {}", what, name, directory_,
                                              errno_text(result))};
}

}  // namespace eventcollect::file
