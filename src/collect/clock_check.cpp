#include "collect/clock_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "collect/sink_claim.hpp"
#include "eventcollect/codes.hpp"

namespace eventcollect::collect {
namespace {

class ClockCheckedSink final : public Sink {
 public:
  ClockCheckedSink(std::shared_ptr<Sink> sink, const Clock& clock)
      : sink_{std::move(sink)}, clock_{clock} {}

  void write(const Batch& batch, Rejections& rejections) override {
    sink_->write(batch, rejections);
  }

  void maintain() override {
    // Asked first: while the sink hangs the collector may go, and its clock.
    const auto failure = wrong_clock(clock_.now());
    sink_->maintain();
    if (failure) throw Error{*failure};
  }

 private:
  const SinkClaim sink_;
  const Clock& clock_;
};

}  // namespace

std::optional<Error> wrong_clock(TimePoint now) {
  if (now >= build_time() && now <= latest_time) return {};
  return Error{
      Error::unavailable,
      fmt::format("{}: the clock shows {}, and this program was built at {}: no event is "
                  "accepted until the clock is set",
                  code::clock_wrong, format_rfc3339(std::clamp(now, TimePoint{}, latest_time)),
                  format_rfc3339(build_time()))};
}

std::shared_ptr<Sink> with_clock_check(std::shared_ptr<Sink> sink, const Clock& clock) {
  return std::make_shared<ClockCheckedSink>(std::move(sink), clock);
}

}  // namespace eventcollect::collect
