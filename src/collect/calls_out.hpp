// Which code of the user this thread runs for a collector, so that a call back in is noticed.
#pragma once

namespace eventcollect::collect {

// Whether this thread runs a sink, a completion or a handler. To wait for a collector there could
// be to wait for itself.
bool is_calling_out();

// Whether this thread runs on_lost. What that tracks does not come to on_lost again.
bool is_reporting_loss();

// Makes one of them true while it lives. Nests.
class CallingOut {
 public:
  CallingOut();
  CallingOut(const CallingOut&) = delete;
  CallingOut& operator=(const CallingOut&) = delete;
  ~CallingOut();

 private:
  const bool before_;
};

class ReportingLoss {
 public:
  ReportingLoss();
  ReportingLoss(const ReportingLoss&) = delete;
  ReportingLoss& operator=(const ReportingLoss&) = delete;
  ~ReportingLoss();

 private:
  const CallingOut calling_out_;
  const bool before_;
};

}  // namespace eventcollect::collect
