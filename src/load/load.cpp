#include "eventcollect/load.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "eventcollect/dead_letter.hpp"
#include "eventcollect/ledger.hpp"
#include "eventcollect/pump.hpp"
#include "eventcollect/url.hpp"
#include "load/object_list.hpp"
#include "load/plain_ledger.hpp"
#include "load/plan_lookup.hpp"
#include "load/selection.hpp"
#include "objects/event_object.hpp"
#include "objects/layout.hpp"
#include "pump/rejection_streak.hpp"
#include "sink/guard.hpp"

namespace eventcollect {
namespace {

using std::chrono::milliseconds;

// Between two looks whether somebody else is done with what is left.
RetryPolicy busy_waits(const LoadOptions& options) {
  return {.first_wait = milliseconds{50},
          .max_wait = milliseconds{2'000},
          .give_up_after = options.retry.give_up_after};
}

// Calls a sink. What it throws is an Error then.
template <typename Call>
void checked(Call&& call) {
  if (const auto error = guard([&] { call(); })) throw Error{*error};
}

void check(const LoadOptions& options) {
  if (options.max_batch_events == 0 || options.max_batch_bytes == 0) {
    throw ConfigError{"a load needs room for at least one event and one byte"};
  }
  for (const auto& time : {options.since, options.until}) {
    if (!time) continue;
    const bool is_hour =
        *time >= TimePoint{} && *time <= latest_time && Hour{*time}.begin() == *time;
    if (!is_hour) throw ConfigError{"a load begins and ends with a whole hour, 1970 to 9999"};
  }
  if (options.since && options.until && *options.since >= *options.until) {
    throw ConfigError{"a load has to end later than it begins"};
  }
}

class Loader {
 public:
  Loader(ObjectStore& store, Sink& sink, const LoadOptions& options, const std::stop_token& stop)
      : store_{store},
        options_{options},
        stop_{stop},
        selection_{options.events},
        plain_{sink, options.retry,
               [this](const Error& error, std::uint64_t, milliseconds wait) {
                 ++retries_;
                 report(error, wait);
               },
               stop, *options.timer},
        ledger_{dynamic_cast<LedgerSink*>(&sink) != nullptr ? dynamic_cast<LedgerSink&>(sink)
                                                            : plain_},
        plans_{store, ledger_},
        busy_{busy_waits(options)} {
    check(options);
  }

  LoadStatistics run() {
    do {
      found_gone_ = false;
      list();
      load_all();
    } while (found_gone_ && !stop_.stop_requested());
    return statistics();
  }

 private:
  // What became of one try to load one object.
  enum class Outcome : std::uint8_t { loaded, skipped, busy, gone, stopped };

  // Thrown where an object that was listed is not there any more.
  struct Vanished {};

  // What is so if the last commit worked.
  struct InDoubt {
    Outcome outcome;
    LoadStatistics statistics;
  };

  // An object that is being loaded: without done() nothing remains of it.
  class Attempt {
   public:
    explicit Attempt(Loader& loader)
        : loader_{loader}, statistics_{loader.statistics_}, streak_{loader.streak_} {}
    ~Attempt() {
      if (is_done_) return;
      loader_.ledger_.roll_back();
      loader_.statistics_ = statistics_;
      loader_.streak_ = streak_;
    }
    Attempt(const Attempt&) = delete;
    Attempt& operator=(const Attempt&) = delete;

    void done() { is_done_ = true; }

   private:
    Loader& loader_;
    const LoadStatistics statistics_;
    const RejectionStreak streak_;
    bool is_done_ = false;
  };

  void list();
  void load_all();
  void wait_for_others();
  Outcome load(const ListedObject& object);
  Outcome try_to_load(const ListedObject& object);
  LoadStart begin(const ListedObject& object);
  Outcome copy(const ListedObject& object);
  bool read_some(const ListedObject& object, EventObject& events);
  bool copy_events(const ListedObject& object, EventObject& events);
  void write();
  void bury(const Delivery& delivery, const Rejections& rejections);
  void bury_damage(const ListedObject& object, const std::string& damage);
  void flush_letters();
  void commit(Outcome outcome);
  void note(Outcome outcome, const ListedObject& object);

  template <typename Work>
  void once(const Work& work);
  template <typename Work>
  void persist(const Work& work);
  bool wait_after(const Error& error, Backoff& backoff);
  void report(const std::exception& error, milliseconds wait) const;
  void report_progress(std::uint64_t bytes_read = 0) const;
  LoadStatistics statistics() const;

  ObjectStore& store_;
  const LoadOptions& options_;
  const std::stop_token& stop_;
  const Selection selection_;
  PlainLedger plain_;
  LedgerSink& ledger_;
  PlanLookup plans_;

  std::deque<ListedObject> left_;
  std::uint64_t bytes_left_ = 0;  // of these
  std::uint64_t passes_ = 0;
  bool found_gone_ = false;  // in this pass
  std::set<std::string> gone_;
  std::size_t busy_in_a_row_ = 0;
  Backoff busy_;

  Delivery delivery_;
  Rejections rejections_;  // of it, by the sink
  Batch chosen_;
  Batch letters_;
  RejectionStreak streak_;
  LoadStatistics statistics_;
  std::optional<InDoubt> in_doubt_;
  std::uint64_t retries_ = 0;
  bool has_failed_ = false;  // beyond trying again
};

void Loader::list() {
  ObjectList list;
  persist([&] {
    list =
        list_missing(store_, ledger_, selection_.text(), {options_.since, options_.until}, stop_);
  });
  left_ = std::move(list.missing);
  bytes_left_ = 0;
  for (const ListedObject& object : left_) bytes_left_ += object.bytes;
  // Later lists have what this run has loaded.
  if (passes_++ == 0) statistics_.objects_skipped = list.loaded;
  report_progress();
}

// Takes what others are loading to the end of the list, and waits where nothing else is left.
void Loader::load_all() {
  while (!left_.empty() && !stop_.stop_requested()) {
    const Outcome outcome = load(left_.front());
    if (outcome == Outcome::stopped) return;
    ListedObject object = std::move(left_.front());
    left_.pop_front();
    if (outcome != Outcome::busy) {
      bytes_left_ -= object.bytes;
      busy_in_a_row_ = 0;
      busy_.reset();
      note(outcome, object);
      report_progress();
      continue;
    }
    left_.push_back(std::move(object));
    if (++busy_in_a_row_ < left_.size()) continue;
    busy_in_a_row_ = 0;
    wait_for_others();
  }
}

void Loader::wait_for_others() {
  const Error error{Error::unavailable,
                    fmt::format("the ledger lets nobody load what is left ({} objects): they "
                                "are being loaded by somebody else, or it is locked",
                                left_.size())};
  const auto wait = busy_.next(options_.timer->now());
  if (!wait) throw Error{error};
  constexpr std::uint64_t usual_waits = 6;  // as a rule others are done soon
  if (busy_.failures() > usual_waits) report(error, *wait);
  options_.timer->wait(*wait, stop_);
}

void Loader::note(Outcome outcome, const ListedObject& object) {
  if (outcome == Outcome::skipped) ++statistics_.objects_skipped;
  if (outcome != Outcome::gone) return;
  found_gone_ = true;
  gone_.insert(object.key);
}

// Tries until it is settled what becomes of the object.
Loader::Outcome Loader::load(const ListedObject& object) {
  Outcome outcome = Outcome::stopped;
  in_doubt_.reset();
  persist([&] { outcome = try_to_load(object); });
  return outcome;
}

Loader::Outcome Loader::try_to_load(const ListedObject& object) {
  const bool has_raws =
      object.key.starts_with(hourly_folder) && plans_.has_raws(object.key, selection_.text());
  Attempt attempt{*this};
  switch (begin(object)) {
    case LoadStart::busy:
      // Most likely it is our own commit, which goes on: it is not let go of before it is settled.
      if (in_doubt_) {
        throw Error{Error::unavailable,
                    fmt::format("it is not yet known whether {} is loaded", object.key)};
      }
      return Outcome::busy;
    case LoadStart::loaded:
      if (!in_doubt_) return Outcome::skipped;
      statistics_ = in_doubt_->statistics;
      attempt.done();
      return in_doubt_->outcome;
    case LoadStart::begun:
      break;
  }
  const Outcome outcome = has_raws ? Outcome::skipped : copy(object);
  if (outcome != Outcome::loaded && outcome != Outcome::skipped) return outcome;
  commit(outcome);
  attempt.done();
  return outcome;
}

LoadStart Loader::begin(const ListedObject& object) {
  LoadStart start{};
  checked([&] { start = ledger_.begin(object.key, selection_.text()); });
  return start;
}

// Writes the object's events within a load that is begun.
Loader::Outcome Loader::copy(const ListedObject& object) {
  letters_.clear();
  delivery_.clear();
  try {
    auto reader = store_.get(object.key);
    if (reader == nullptr) throw Vanished{};
    EventObject events{std::move(reader)};
    if (!copy_events(object, events)) return Outcome::stopped;
    ++statistics_.objects;
    statistics_.bytes += object.bytes;
    return Outcome::loaded;
  } catch (const Vanished&) {
    if (!gone_.contains(object.key)) return Outcome::gone;
  }
  throw Error{Error::unavailable,
              fmt::format("{} is listed again and again, but is not there", object.key)};
}

// Appends to the delivery. False at the end of the object.
bool Loader::read_some(const ListedObject& object, EventObject& events) {
  try {
    return events.read(delivery_, options_.max_batch_events, options_.max_batch_bytes);
  } catch (const Error&) {
    if (store_.get(object.key) != nullptr) throw;
    throw Vanished{};
  }
}

// False where a stop came in between.
bool Loader::copy_events(const ListedObject& object, EventObject& events) {
  while (read_some(object, events)) {
    if (stop_.stop_requested()) return false;
    if (!selection_.is_whole()) {
      chosen_.clear();
      selection_.choose(delivery_.batch, chosen_);
      statistics_.events_passed_over += delivery_.batch.size() - chosen_.size();
      std::swap(delivery_.batch, chosen_);
    }
    rejections_.clear();
    if (!delivery_.batch.empty()) write();
    bury(delivery_, rejections_);
    delivery_.clear();
    report_progress(events.compressed_bytes());
  }
  if (!events.damage().empty()) bury_damage(object, events.damage());
  flush_letters();
  return true;
}

void Loader::write() {
  const Batch& batch = delivery_.batch;
  checked([&] { ledger_.write(batch, rejections_); });
  once([&] { streak_ = extended(streak_, delivery_, rejections_, false); });
  statistics_.events += batch.size() - rejections_.size();
  statistics_.rejected += rejections_.size();
}

// Keeps the dead letters until the object is at its end, if they are not too many: what is loaded
// again would have them again.
void Loader::bury(const Delivery& delivery, const Rejections& rejections) {
  once([&] {
    append_letters(letters_, options_.clock->now(), delivery, rejections, options_.dead_letter);
  });
  statistics_.unreadable += delivery.rejections.size();
  const bool is_full =
      letters_.size() >= options_.max_batch_events || letters_.bytes() >= options_.max_batch_bytes;
  if (is_full) flush_letters();
}

// What could be read is loaded, and nothing more will come of it: so only a letter tells.
void Loader::bury_damage(const ListedObject& object, const std::string& damage) {
  Delivery all;
  all.rejections.push_back(
      {.code = code::object_damaged,
       .message = fmt::format("{} {}: what could be read of it is loaded", object.key, damage),
       .raw = object.key});
  once([&] { append_letters(letters_, options_.clock->now(), all, {}, options_.dead_letter); });
  ++statistics_.damaged_objects;
}

void Loader::flush_letters() {
  once([&] { eventcollect::bury(options_.dead_letter, letters_); });
  letters_.clear();
}

void Loader::commit(Outcome outcome) {
  try {
    checked([&] { ledger_.commit(); });
  } catch (const Error& error) {
    if (error.kind() == Error::in_doubt) in_doubt_ = {outcome, statistics_};
    throw;
  }
}

// Does something that fails for good when it fails.
template <typename Work>
void Loader::once(const Work& work) {
  try {
    work();
  } catch (...) {
    has_failed_ = true;
    throw;
  }
}

// Does `work` until it does not throw, or a stop.
template <typename Work>
void Loader::persist(const Work& work) {
  Backoff backoff{options_.retry};
  for (;;) {
    try {
      return work();
    } catch (const Error& error) {
      if (!wait_after(error, backoff)) throw;
    }
    if (stop_.stop_requested()) return;
  }
}

// False where the error is to be thrown.
bool Loader::wait_after(const Error& error, Backoff& backoff) {
  if (stop_.stop_requested()) {
    report(error, milliseconds{0});
    return true;
  }
  if (has_failed_ || plain_.has_given_up()) return false;
  if (error.kind() == Error::misconfigured && !options_.retry.retry_misconfigured) return false;
  const auto wait = backoff.next(options_.timer->now());
  if (!wait) return false;
  ++retries_;
  report(error, *wait);
  options_.timer->wait(*wait, stop_);
  return true;
}

void Loader::report(const std::exception& error, milliseconds wait) const {
  if (options_.on_failure) options_.on_failure(error, wait);
}

void Loader::report_progress(std::uint64_t bytes_read) const {
  if (!options_.on_progress) return;
  LoadStatistics now = statistics();
  now.bytes_left -= std::min(now.bytes_left, bytes_read);
  options_.on_progress(now);
}

LoadStatistics Loader::statistics() const {
  LoadStatistics now = statistics_;
  now.objects_left = left_.size();
  now.bytes_left = bytes_left_;
  now.retries = retries_;
  return now;
}

}  // namespace

LoadStatistics load(ObjectStore& store, Sink& sink, const LoadOptions& options,
                    const std::stop_token& stop) {
  return Loader{store, sink, options, stop}.run();
}

}  // namespace eventcollect
