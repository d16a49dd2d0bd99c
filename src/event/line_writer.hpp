// An accepted event as the line that is stored.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "event/candidate.hpp"
#include "eventcollect/clock.hpp"
#include "eventcollect/event.hpp"

namespace eventcollect::event {

// Keeps the line that was written last.
class LineWriter {
 public:
  // Writes the line of `event`, which was made of `candidate`, and turns the event's views to the
  // line if it has the same text. They live until the next call.
  void write(const Candidate& candidate, Event& event);

  // Returns memory that an unusual event took.
  void trim(std::size_t keep_bytes);

 private:
  // These are defined and used in line_writer.cpp alone.
  inline std::string_view name_in_line(const Candidate& candidate, std::string_view name);
  inline std::string_view url_in_line(const Candidate& candidate, std::string_view url);
  inline std::string_view properties_in_line(const Candidate& candidate);

  inline std::string_view digits_of(TimePoint server_time);

  std::string line_;
  std::string escaped_name_;
  std::string escaped_url_;
  std::string properties_;
  TimePoint server_time_{};
  std::string server_time_digits_ = "0";  // once for all events of a request
};

}  // namespace eventcollect::event
