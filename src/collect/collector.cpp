#include "eventcollect/collector.hpp"

#include <utility>

#include "collect/intake.hpp"

namespace eventcollect {

Collector::Collector(std::shared_ptr<Sink> sink, CollectorOptions options)
    : intake_{std::make_shared<collect::Intake>(std::move(sink), std::move(options))} {}

Collector::~Collector() { close(intake_->options().drain_timeout); }

Receipt Collector::collect(std::string_view body, const RequestInfo& info) {
  return intake_->collect(body, info);
}

void Collector::collect(std::string_view body, Completion completion, const RequestInfo& info) {
  intake_->collect(body, std::move(completion), info);
}

Ticket Collector::track(std::string_view name, const Properties& properties,
                        const TrackOptions& options) {
  return intake_->track(name, properties, options);
}

bool Collector::close(std::chrono::milliseconds timeout) { return intake_->close(timeout); }

bool Collector::ready() const { return intake_->ready(); }

bool Collector::is_clock_wrong() const { return intake_->is_clock_wrong(); }

const Rules& Collector::rules() const { return intake_->options().rules; }

CollectorStatistics Collector::statistics() const { return intake_->statistics(); }

}  // namespace eventcollect
