#include "eventcollect/pump.hpp"

#include <algorithm>
#include <optional>

#include "eventcollect/url.hpp"
#include "pump/rejection_streak.hpp"
#include "sink/guard.hpp"

namespace eventcollect {

using sink::guard;
using namespace pumping;

namespace {

using std::chrono::milliseconds;
using SteadyTime = std::chrono::steady_clock::time_point;

constexpr milliseconds slice{100};  // no wait is longer before a stop is looked for
constexpr milliseconds maintain_interval{1'000};

class Pump {
 public:
  Pump(Source& source, Sink& sink, const PumpOptions& options, const std::stop_token& stop);

  PumpStatistics run();

 private:
  bool gather();
  bool read();
  bool is_full() const;
  bool is_due();
  milliseconds time_left();
  void note_arrivals();

  bool deliver();
  bool write();
  bool acknowledge();
  void note_delivered();

  void maintain();
  void maintain(Sink& sink);
  void wait_after(const Error& error);
  void report(const std::exception& error, milliseconds wait) const;

  Source& source_;
  Sink& sink_;
  const PumpOptions& options_;
  const std::stop_token& stop_;
  Timer& timer_;
  RetrySink retry_;
  Backoff source_backoff_;

  Delivery delivery_;
  Rejections rejections_;  // of it, by the sink
  std::optional<SteadyTime> gathering_since_;
  std::uint64_t session_ = 0;
  bool is_stuck_ = false;   // the source has more, but it does not fit
  SteadyTime maintain_at_;  // at once in the beginning: a sink that cannot connect shows it then
  const std::shared_ptr<RejectionStreak> streak_;
  PumpStatistics statistics_;
};

Pump::Pump(Source& source, Sink& sink, const PumpOptions& options, const std::stop_token& stop)
    : source_{source},
      sink_{sink},
      options_{options},
      stop_{stop},
      timer_{*options.timer},
      retry_{std::shared_ptr<Sink>{std::shared_ptr<Sink>{}, &sink}, options.retry,
             [this](const Error& error, std::uint64_t, milliseconds wait) {
               ++statistics_.retries;
               report(error, wait);
             },
             stop, timer_},
      source_backoff_{options.retry},
      maintain_at_{timer_.now()},
      streak_{options.streak ? options.streak : std::make_shared<RejectionStreak>()} {
  if (options.max_events == 0 || options.max_bytes == 0 || options.max_age < milliseconds{0}) {
    throw ConfigError{
        "a pump needs room for at least one event and one byte, and no negative time to gather in"};
  }
}

PumpStatistics Pump::run() {
  for (bool has_more = true; has_more && !stop_.stop_requested();) {
    has_more = gather();
    if (!delivery_.empty() && !deliver()) break;
  }
  return statistics_;
}

// Reads until there is a batch, or a stop. False at the end of the source.
bool Pump::gather() {
  gathering_since_.reset();
  is_stuck_ = false;
  while (!stop_.stop_requested() && !is_due()) {
    if (timer_.now() >= maintain_at_) maintain();
    if (!read()) return false;
  }
  return true;
}

bool Pump::is_due() {
  return !delivery_.empty() && (is_full() || is_stuck_ || time_left() <= milliseconds{0});
}

bool Pump::is_full() const {
  return delivery_.size() >= options_.max_events || delivery_.bytes() >= options_.max_bytes;
}

milliseconds Pump::time_left() {
  const SteadyTime due = gathering_since_.value_or(timer_.now()) + options_.max_age;
  return std::chrono::ceil<milliseconds>(due - timer_.now());
}

bool Pump::read() {
  const milliseconds wait = delivery_.empty() ? slice : std::min(slice, time_left());
  const std::size_t size_before = delivery_.size();
  const SteadyTime begin = timer_.now();
  bool has_more = true;
  try {
    has_more = source_.read(
        delivery_,
        {.wait = wait, .max_events = options_.max_events, .max_bytes = options_.max_bytes});
    source_backoff_.reset();
  } catch (const Error& error) {
    note_arrivals();
    wait_after(error);
    return true;
  }
  note_arrivals();
  // A source whose next event does not fit returns without it, and at once.
  is_stuck_ = delivery_.size() == size_before && timer_.now() - begin < wait / 2;
  return has_more;
}

// The age counts from the first event, and anew where the source has taken that back.
void Pump::note_arrivals() {
  if (delivery_.empty()) {
    gathering_since_.reset();
  } else if (!gathering_since_ || delivery_.session != session_) {
    gathering_since_ = timer_.now();
    session_ = delivery_.session;
  }
}

// Takes what was gathered to its end. False where a stop came in between.
bool Pump::deliver() {
  rejections_.clear();
  if (!delivery_.batch.empty() && !write()) return false;
  // Kept when all is done: a batch that has to be written again is not counted again.
  const RejectionStreak streak =
      extended(*streak_, delivery_, rejections_, options_.stop_at_unreadable);
  Batch letters;
  append_letters(letters, options_.clock->now(), delivery_, rejections_, options_.dead_letter);
  bury(options_.dead_letter, letters);
  if (!acknowledge()) return false;
  *streak_ = streak;
  note_delivered();
  delivery_.clear();
  return true;
}

bool Pump::write() {
  try {
    retry_.write(delivery_.batch, rejections_);
  } catch (const Error& error) {
    if (!stop_.stop_requested()) throw;
    report(error, milliseconds{0});
    return false;
  }
  maintain_at_ = timer_.now() + maintain_interval;
  return true;
}

bool Pump::acknowledge() {
  for (;;) {
    try {
      source_.acknowledge(delivery_);
      source_backoff_.reset();
      return true;
    } catch (const Error& error) {
      wait_after(error);
      if (stop_.stop_requested()) return false;
    }
  }
}

void Pump::note_delivered() {
  ++statistics_.batches;
  statistics_.events += delivery_.batch.size() - rejections_.size();
  statistics_.bytes += delivery_.batch.bytes();
  statistics_.rejected += rejections_.size();
  statistics_.unreadable += delivery_.rejections.size();
  if (options_.on_batch) options_.on_batch(statistics_);
}

void Pump::maintain() {
  maintain(sink_);
  if (options_.dead_letter) maintain(*options_.dead_letter);
  maintain_at_ = timer_.now() + maintain_interval;
}

void Pump::maintain(Sink& sink) {
  const auto error = guard([&] { sink.maintain(); });
  if (!error) return;
  const bool is_hopeless =
      error->kind() == Error::misconfigured && !options_.retry.retry_misconfigured;
  if (is_hopeless) throw Error{*error};
  report(*error, maintain_interval);
}

// Waits until the source may be asked again. Throws the error that is being handled where that is
// of no use.
void Pump::wait_after(const Error& error) {
  if (stop_.stop_requested()) return report(error, milliseconds{0});
  const auto wait = source_backoff_.next(error, timer_.now());
  if (!wait) throw Error{error};
  ++statistics_.retries;
  report(error, *wait);
  timer_.wait(*wait, stop_);
}

void Pump::report(const std::exception& error, milliseconds wait) const {
  if (options_.on_failure) options_.on_failure(error, wait);
}

}  // namespace

PumpStatistics pump(Source& source, Sink& sink, const PumpOptions& options,
                    const std::stop_token& stop) {
  return Pump{source, sink, options, stop}.run();
}

}  // namespace eventcollect
