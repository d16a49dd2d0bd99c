#include "collect/answers.hpp"

#include <algorithm>

#include "collect/calls_out.hpp"
#include "sink/guard.hpp"

namespace eventcollect::collect {

using sink::out_of_memory;
using sink::tell;

namespace {

void tell_handlers(const Group& group, const Submission& submission, const Rejection& rejection,
                   const EventHandlers& handlers) {
  const Event event = group.batch[rejection.index];
  tell(handlers.on_rejected, event, rejection.message);
  // No client sends a kept event again, so its owner has to hear of it.
  if (submission.on_failure == OnFailure::keep) {
    report_loss(handlers.on_lost, event, rejection.message);
  }
}

}  // namespace

void report_loss(const EventHandlers::Handler& on_lost, const Event& event, std::string_view why) {
  if (is_reporting_loss()) return;
  const ReportingLoss reporting;
  tell(on_lost, event, why);
}

void answer_stored(const Group& group, std::vector<Rejection> rejections,
                   const EventHandlers& handlers) {
  std::sort(rejections.begin(), rejections.end(),
            [](const Rejection& a, const Rejection& b) { return a.index < b.index; });
  auto begin = rejections.begin();
  for (const Submission& submission : group.submissions) {
    auto end = begin;
    for (; end != rejections.end() && end->index < submission.first + submission.count; ++end) {
      tell_handlers(group, submission, *end, handlers);
      end->index -= submission.first;
    }
    tell(submission.done, Outcome{.rejections = std::span{begin, end}});
    begin = end;
  }
}

void answer_failed(const Group& group, const Error& failure, const EventHandlers& handlers) {
  for (const Submission& submission : group.submissions) {
    const bool was_kept = is_kept(submission.on_failure);
    give_up(group.batch, {&submission, 1}, was_kept ? out_of_memory() : failure, handlers);
  }
}

void give_up(const Batch& batch, std::span<const Submission> submissions, const Error& failure,
             const EventHandlers& handlers) {
  for (const Submission& submission : submissions) {
    if (submission.on_failure == OnFailure::keep) {
      for (std::size_t i = 0; i < submission.count; ++i) {
        report_loss(handlers.on_lost, batch[submission.first + i], failure.what());
      }
    }
    tell(submission.done, Outcome{.failure = &failure});
  }
}

}  // namespace eventcollect::collect
