#include "collect/answers.hpp"

#include <algorithm>
#include <new>
#include <span>
#include <vector>

#include "collect/calls_out.hpp"
#include "sink/guard.hpp"

namespace eventcollect::collect {

using sink::out_of_memory;

namespace {

std::vector<Rejection> sorted_by_index(const Rejections& rejections) {
  std::vector<Rejection> sorted{rejections.begin(), rejections.end()};
  std::sort(sorted.begin(), sorted.end(),
            [](const Rejection& a, const Rejection& b) { return a.index < b.index; });
  return sorted;
}

void tell_handlers(const Group& group, const Submission& submission, const Rejection& rejection,
                   const EventHandlers& handlers) {
  const Event event = group.batch[rejection.index];
  if (handlers.on_rejected) handlers.on_rejected(event, rejection.message);
  // No client sends a kept event again, so its owner has to hear of it.
  if (submission.on_failure == OnFailure::keep) {
    report_loss(handlers.on_lost, event, rejection.message);
  }
}

}  // namespace

void report_loss(const EventHandlers::Handler& on_lost, const Event& event, std::string_view why) {
  if (!on_lost || is_reporting_loss()) return;
  const ReportingLoss reporting;
  on_lost(event, why);
}

void answer_stored(const Group& group, const Rejections& rejections,
                   const EventHandlers& handlers) {
  std::vector<Rejection> sorted;
  try {
    sorted = sorted_by_index(rejections);
  } catch (const std::bad_alloc&) {
    return answer_failed(group, out_of_memory());
  }
  auto begin = sorted.begin();
  for (const Submission& submission : group.submissions) {
    auto end = begin;
    for (; end != sorted.end() && end->index < submission.first + submission.count; ++end) {
      tell_handlers(group, submission, *end, handlers);
      end->index -= submission.first;
    }
    if (submission.done) submission.done({.rejections = std::span{begin, end}});
    begin = end;
  }
}

void answer_failed(const Group& group, const Error& failure) {
  for (const Submission& submission : group.submissions) {
    if (submission.done) submission.done({.failure = &failure});
  }
}

void give_up(const Group& group, const Error& failure, const EventHandlers& handlers) {
  for (const Submission& submission : group.submissions) {
    if (submission.on_failure == OnFailure::keep) {
      for (std::size_t i = 0; i < submission.count; ++i) {
        report_loss(handlers.on_lost, group.batch[submission.first + i], failure.what());
      }
    }
    if (submission.done) submission.done({.failure = &failure});
  }
}

}  // namespace eventcollect::collect
