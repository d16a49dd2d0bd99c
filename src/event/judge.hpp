// Whether a candidate is an event.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "event/candidate.hpp"
#include "event/fields.hpp"
#include "eventcollect/event.hpp"
#include "eventcollect/rules.hpp"

namespace eventcollect::event {

// Holds the texts of the event that was judged last, where they were escaped.
class Judge {
 public:
  // Sets what a client decides of `event`: its name, url, client_time and sent_time, and its id if
  // the candidate has one. False if the candidate is rejected.
  bool judge(const Candidate& candidate, const FieldValue& batch_sent_time, const Rules& rules,
             Event& event);

  // Why the last candidate was rejected.
  Rejection take_rejection() { return std::move(rejection_); }

  // Returns memory that an unusual event took.
  void trim(std::size_t keep_bytes);

 private:
  // These are defined and used in judge.cpp alone.
  inline bool judge_name(const Candidate& candidate, Event& event);
  inline bool judge_url(const Candidate& candidate, const Rules& rules, Event& event);
  inline bool judge_id(const Candidate& candidate, Event& event);
  inline bool judge_times(const Candidate& candidate, const FieldValue& batch_sent_time,
                          Event& event);

  // Each keeps the rejection and returns false. `rule` says what the value of `field` must do.
  bool fail(Rejection rejection);
  bool fail(const Candidate& candidate, Field field, std::string_view code, std::string_view rule);
  bool fail_time(const Candidate& candidate, Field field, std::string_view code);

  Rejection rejection_;
  std::string name_;
  std::string url_;
  std::string scratch_;
};

}  // namespace eventcollect::event
