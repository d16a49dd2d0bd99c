// What the live page shows of the events that pass: the newest of them, the newest rejections, how
// many there were a second, and how many of each name.
//
// Nothing waits for a viewer, and nothing is kept for one: each asks with a cursor for what came
// after its last answer, and is told how many it has missed. While nobody has looked for a while,
// only the first few events of each second are kept, so that a server under load pays for the page
// only while somebody looks.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "eventcollect/batch.hpp"
#include "eventcollect/clock.hpp"
#include "eventcollect/rejections.hpp"
#include "live/seconds.hpp"
#include "live/text_ring.hpp"

namespace eventcollect::live {

// How far a viewer has come: the numbers of the newest event and the newest rejection that it has
// seen.
struct Cursor {
  std::uint64_t stored = 0;
  std::uint64_t rejected = 0;
};

// Safe from any thread.
class Recent {
 public:
  static constexpr std::chrono::seconds watched_for{10};        // after a viewer has asked
  static constexpr std::uint64_t max_unwatched_a_second = 100;  // and a batch beyond
  static constexpr std::size_t max_names = 100;
  static constexpr std::size_t max_texts = 200;        // of each kind, in memory and in an answer
  static constexpr std::size_t max_bytes = 512 << 10;  // of their lines

  // Stored events, but for those that the sink has rejected.
  void note_stored(const Batch& batch, const Rejections& rejections);

  // Dead letters: each line tells of one rejection.
  void note_rejected(const Batch& letters);

  // What a viewer is given, and how it goes on.
  struct News {
    Cursor cursor;           // to ask with next time
    std::size_t stored = 0;  // lines given
    std::size_t rejected = 0;
    std::uint64_t stored_missed = 0;  // that came after `after` and are not given
    std::uint64_t rejected_missed = 0;
  };

  // Appends the lines of the events that came after `after`, the newest first, and then those of
  // the dead letters. `now` is of the same clock as the events' server_time.
  News append_news(std::string& out, Cursor after, TimePoint now);

  // Appends the counts as members of a JSON object, without its braces.
  void append_counts(std::string& json, TimePoint now) const;

 private:
  struct Stream {
    TextRing newest{max_texts, max_bytes};
    Seconds seconds{};
  };

  bool is_watched(TimePoint now) const;
  void count_name(std::string_view name, std::uint64_t events);
  void forget_rarest_name();
  void append_names(std::string& json) const;

  mutable std::mutex mutex_;
  std::optional<TimePoint> last_look_{};
  Stream stored_;
  Stream rejected_;
  std::map<std::string, std::uint64_t, std::less<>> names_;
  std::uint64_t other_names_ = 0;  // events of names that are not in names_
  std::uint64_t unnamed_ = 0;      // events that passed while nobody looked
};

}  // namespace eventcollect::live
