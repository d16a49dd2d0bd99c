#include "compact/output_writer.hpp"

#include <memory>
#include <utility>

#include "objects/event_object_writer.hpp"

namespace eventcollect::compaction {

using objects::EventObjectWriter;
using objects::Plan;
using objects::PlanOutput;
using objects::write_event_object;

namespace {

constexpr std::size_t piece_bytes = std::size_t{512} << 10;
constexpr std::size_t max_pieces = 3;

}  // namespace

OutputWriter::OutputWriter(ObjectStore& store, const Plan& plan)
    : store_{store}, plan_{plan}, thread_{[this] { work(); }} {}

OutputWriter::~OutputWriter() {
  {
    const std::lock_guard lock{mutex_};
    pieces_.clear();
    is_ending_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void OutputWriter::add(std::string_view line) {
  const std::uint64_t bytes = line.size() + 1;
  const bool is_full = !outputs_.empty() && outputs_.back().bytes + bytes > plan_.target_bytes;
  if (is_full) hand_over(true);
  if (outputs_.empty() || is_full) outputs_.push_back({.key = plan_.output_key(outputs_.size())});
  piece_.lines.append(line);
  piece_.lines.push_back('\n');
  ++outputs_.back().events;
  outputs_.back().bytes += bytes;
  if (piece_.lines.size() >= piece_bytes) hand_over(false);
}

std::vector<PlanOutput> OutputWriter::finish() {
  if (!outputs_.empty()) hand_over(true);
  {
    const std::lock_guard lock{mutex_};
    is_ending_ = true;
    changed_.notify_all();
  }
  thread_.join();
  if (error_) std::rethrow_exception(error_);
  return std::move(outputs_);
}

void OutputWriter::hand_over(bool ends_object) {
  piece_.ends_object = ends_object;
  std::unique_lock lock{mutex_};
  changed_.wait(lock, [this] { return pieces_.size() < max_pieces || error_; });
  if (error_) std::rethrow_exception(error_);
  pieces_.push_back(std::exchange(piece_, {}));
  changed_.notify_all();
}

void OutputWriter::work() {
  try {
    write_pieces();
  } catch (...) {
    const std::lock_guard lock{mutex_};
    error_ = std::current_exception();
    changed_.notify_all();
  }
}

void OutputWriter::write_pieces() {
  std::unique_ptr<EventObjectWriter> object;
  std::size_t index = 0;
  for (Piece piece; take(piece);) {
    if (object == nullptr) object = write_event_object(store_.write(plan_.output_key(index++)));
    object->append(piece.lines);
    if (!piece.ends_object) continue;
    object->commit();
    object.reset();
  }
}

// Waits for a piece; false where none will come.
bool OutputWriter::take(Piece& piece) {
  std::unique_lock lock{mutex_};
  changed_.wait(lock, [this] { return !pieces_.empty() || is_ending_; });
  if (pieces_.empty()) return false;
  piece = std::move(pieces_.front());
  pieces_.pop_front();
  changed_.notify_all();
  return true;
}

}  // namespace eventcollect::compaction
