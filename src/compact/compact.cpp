#include "eventcollect/compact.hpp"

#include <fmt/format.h>

#include <exception>
#include <optional>
#include <string>
#include <vector>

#include "compact/hour_compactor.hpp"
#include "compact/plan_creator.hpp"
#include "eventcollect/url.hpp"
#include "objects/layout.hpp"
#include "objects/stoppable_store.hpp"

namespace eventcollect {

using objects::Hour;
using objects::raw_folder;
using objects::StoppableStore;
using objects::Stopped;
using namespace compaction;

namespace {

constexpr std::size_t min_memory_bytes = std::size_t{1} << 20;
constexpr std::size_t max_threads = 64;

void check(const CompactOptions& options) {
  if (options.grace < std::chrono::milliseconds{0}) {
    throw ConfigError{"the grace of a compaction may not be negative"};
  }
  if (options.target_bytes == 0) throw ConfigError{"target_bytes has to be above zero"};
  if (options.memory_bytes < min_memory_bytes) {
    throw ConfigError{fmt::format("memory_bytes is {}; sorting needs {} at least",
                                  options.memory_bytes, min_memory_bytes)};
  }
  if (options.threads < 1 || options.threads > max_threads) {
    throw ConfigError{
        fmt::format("threads is {}; it has to be 1 to {}", options.threads, max_threads)};
  }
}

// The hours that have raw objects, the oldest first. Looks at one object of each: the list goes on
// behind the hour.
std::vector<Hour> list_hours(ObjectStore& store) {
  std::vector<Hour> hours;
  std::string after;
  for (;;) {
    std::optional<Hour> found;
    store.list(raw_folder, after, [&](const ObjectInfo& object) {
      found = Hour::of_key(object.key);
      return !found;
    });
    if (!found) return hours;
    hours.push_back(*found);
    after = std::string{raw_folder} + found->partition();
    ++after.back();  // '/' becomes '0', which is behind all that has the '/'
  }
}

class Compaction {
 public:
  Compaction(ObjectStore& store, const CompactOptions& options, const std::stop_token& stop)
      : store_{store, stop}, options_{options}, stop_{stop}, creator_{store_, options} {}

  CompactStatistics run() {
    try {
      run_all();
    } catch (const Stopped&) {
    }
    return statistics_;
  }

 private:
  void run_all() {
    const auto hours = list_hours(store_);
    for (const Hour& hour : hours) compact_hour(hour);
    if (!hours.empty() && statistics_.failed == hours.size()) std::rethrow_exception(first_error_);
  }

  void compact_hour(const Hour& hour) {
    const std::uint64_t plans_before = statistics_.plans;
    const HourCompactor::OnPlan on_plan = [this](const CompactedHour& one) { count(one); };
    try {
      HourCompactor{store_, options_, stop_, creator_, hour, on_plan}.run();
    } catch (const CannotCreate&) {
      throw;
    } catch (const std::exception& error) {
      ++statistics_.failed;
      if (!first_error_) first_error_ = std::current_exception();
      if (options_.on_failure) options_.on_failure(hour.begin(), error);
    }
    if (statistics_.plans > plans_before) ++statistics_.hours;
  }

  void count(const CompactedHour& one) {
    if (!one.finished_elsewhere) {
      ++statistics_.plans;
      statistics_.events += one.events;
      statistics_.duplicates += one.duplicates;
      statistics_.conflicts += one.conflicts;
      statistics_.unreadable += one.unreadable;
      statistics_.damaged_objects += one.damaged_objects;
      statistics_.missing_objects += one.missing_objects;
    }
    if (options_.on_hour) options_.on_hour(one);
  }

  StoppableStore store_;
  const CompactOptions& options_;
  const std::stop_token& stop_;
  PlanCreator creator_;
  CompactStatistics statistics_;
  std::exception_ptr first_error_;
};

}  // namespace

CompactStatistics compact(ObjectStore& store, const CompactOptions& options,
                          const std::stop_token& stop) {
  check(options);
  return Compaction{store, options, stop}.run();
}

}  // namespace eventcollect
