#include "drivers/file/checkpoint.hpp"

#include "drivers/file/consumed.hpp"

namespace eventcollect::file {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::seconds save_interval{1};

}  // namespace

Checkpoint::Checkpoint(const Directory& directory, const std::string& cursor, bool consume)
    : directory_{directory},
      consume_{consume},
      cursor_{directory.files(), directory.path(), cursor},
      settled_sequence_{cursor_.saved().sequence},
      saved_at_{steady_clock::now()} {}

void Checkpoint::save(const Place& place) {
  if (place != cursor_.saved()) {
    cursor_.save(place);
    saved_at_ = steady_clock::now();
  }
  if (place.sequence == settled_sequence_) return;
  if (consume_) remove_consumed(directory_);
  settled_sequence_ = place.sequence;
}

void Checkpoint::save_if_due(const Place& place) {
  const bool has_passed_file = place.sequence != settled_sequence_;
  if (has_passed_file || steady_clock::now() >= saved_at_ + save_interval) save(place);
}

}  // namespace eventcollect::file
