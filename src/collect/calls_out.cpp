#include "collect/calls_out.hpp"

#include <utility>

namespace eventcollect::collect {
namespace {

// Without a destructor, so that they can be read until the very end of a thread.
thread_local bool is_calling = false;
thread_local bool is_reporting = false;

}  // namespace

bool is_calling_out() { return is_calling; }
bool is_reporting_loss() { return is_reporting; }

CallingOut::CallingOut() : before_{std::exchange(is_calling, true)} {}
CallingOut::~CallingOut() { is_calling = before_; }

ReportingLoss::ReportingLoss() : before_{std::exchange(is_reporting, true)} {}
ReportingLoss::~ReportingLoss() { is_reporting = before_; }

}  // namespace eventcollect::collect
