#include "eventcollect/load.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "eventcollect/ledger.hpp"
#include "eventcollect/url.hpp"
#include "load/load_retry.hpp"
#include "load/object_copier.hpp"
#include "load/object_list.hpp"
#include "load/object_loader.hpp"
#include "load/plain_ledger.hpp"
#include "load/selection.hpp"
#include "objects/layout.hpp"
#include "objects/stoppable_store.hpp"

namespace eventcollect {

using objects::Hour;
using objects::StoppableStore;
using objects::Stopped;
using namespace loading;

namespace {

using std::chrono::milliseconds;
using Outcome = ObjectLoader::Outcome;

// Between two looks whether another program is done with what is left.
RetryPolicy busy_waits(const LoadOptions& options) {
  return {.first_wait = milliseconds{50},
          .max_wait = milliseconds{2'000},
          .give_up_after = options.retry.give_up_after};
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

// Loads every object that the ledger does not have.
class Loader {
 public:
  Loader(ObjectStore& store, Sink& sink, const LoadOptions& options, const std::stop_token& stop)
      : store_{store, stop},
        options_{options},
        stop_{stop},
        selection_{options.events},
        retry_{options, stop},
        plain_{sink, options.retry,
               [this](const Error& error, std::uint64_t, milliseconds wait) {
                 retry_.note(error, wait);
               },
               stop, *options.timer},
        own_ledger_{sink.ledger()},
        ledger_{own_ledger_ != nullptr ? *own_ledger_ : plain_},
        copier_{store_,
                ledger_,
                own_ledger_ == nullptr,
                selection_,
                options,
                stop,
                retry_,
                [this](std::uint64_t bytes_read) { report_progress(bytes_read); }},
        objects_{store_, ledger_, selection_, copier_, retry_, state_},
        busy_{busy_waits(options)} {
    check(options);
  }

  LoadStatistics run() {
    try {
      do {
        found_gone_ = false;
        list();
        load_all();
      } while (found_gone_ && !stop_.stop_requested());
    } catch (const Stopped&) {  // the object at hand is rolled back
    }
    return statistics();
  }

 private:
  void list();
  void load_all();
  void wait_for_others();
  void report_progress(std::uint64_t bytes_read = 0) const;
  LoadStatistics statistics() const;

  StoppableStore store_;
  const LoadOptions& options_;
  const std::stop_token& stop_;
  const Selection selection_;
  LoadRetry retry_;
  PlainLedger plain_;
  LedgerSink* const own_ledger_;  // the sink, if it is one
  LedgerSink& ledger_;
  LoadState state_;
  ObjectCopier copier_;
  ObjectLoader objects_;

  std::deque<ListedObject> left_;
  std::uint64_t bytes_left_ = 0;  // of these
  std::uint64_t passes_ = 0;
  bool found_gone_ = false;  // in this pass
  std::size_t busy_in_a_row_ = 0;
  Backoff busy_;
};

void Loader::list() {
  ObjectList list;
  retry_.persist([&] {
    list = list_missing(store_, ledger_, selection_.text(), {options_.since, options_.until});
  });
  left_ = std::move(list.missing);
  bytes_left_ = 0;
  for (const ListedObject& object : left_) bytes_left_ += object.bytes;
  // Later lists have what this run has loaded.
  if (passes_++ == 0) state_.statistics.objects_skipped = list.loaded;
  report_progress();
}

// Takes what others are loading to the end of the list, and waits where nothing else is left.
void Loader::load_all() {
  while (!left_.empty() && !stop_.stop_requested()) {
    const Outcome outcome = objects_.load(left_.front());
    if (outcome == Outcome::stopped) return;
    ListedObject object = std::move(left_.front());
    left_.pop_front();
    if (outcome != Outcome::busy) {
      bytes_left_ -= object.bytes;
      busy_in_a_row_ = 0;
      busy_.reset();
      if (outcome == Outcome::skipped) ++state_.statistics.objects_skipped;
      if (outcome == Outcome::gone) found_gone_ = true;
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
                    fmt::format("the ledger does not give out what is left ({} objects): another "
                                "loader has it, or the ledger is locked",
                                left_.size())};
  const auto wait = busy_.next(options_.timer->now());
  if (!wait) throw Error{error};
  constexpr std::uint64_t usual_waits = 6;  // as a rule others are done soon
  if (busy_.failures() > usual_waits) retry_.report(error, *wait);
  options_.timer->wait(*wait, stop_);
}

void Loader::report_progress(std::uint64_t bytes_read) const {
  if (!options_.on_progress) return;
  LoadStatistics now = statistics();
  now.bytes_left -= std::min(now.bytes_left, bytes_read);
  options_.on_progress(now);
}

LoadStatistics Loader::statistics() const {
  LoadStatistics now = state_.statistics;
  now.objects_left = left_.size();
  now.bytes_left = bytes_left_;
  now.retries = retry_.retries();
  return now;
}

}  // namespace

LoadStatistics load(ObjectStore& store, Sink& sink, const LoadOptions& options,
                    const std::stop_token& stop) {
  return Loader{store, sink, options, stop}.run();
}

}  // namespace eventcollect
