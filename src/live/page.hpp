// The live page as functions from a request to a response.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eventcollect/collector.hpp"
#include "eventcollect/endpoint.hpp"
#include "eventcollect/http.hpp"
#include "live/access.hpp"
#include "live/recent.hpp"

namespace eventcollect::live {

// Each answers a request, or says why not: check() a POST, the others a GET. Safe from any thread.
class Page {
 public:
  static constexpr std::size_t max_check_bytes = 256 << 10;

  // `recent`, `collector`, `endpoint` and `clock` have to outlive it, and are not looked at before
  // a request comes.
  Page(Access access, Recent& recent, const Collector& collector, const Endpoint& endpoint,
       const Clock& clock);

  // The page and the files that it is made of.
  static std::vector<std::string_view> file_paths();
  Response file(const Request& request) const;

  // What came after the cursor in the query ("after=12.3"), as NDJSON: the events, the dead
  // letters, and a line of counts, which says how many lines there are of each.
  Response events(const Request& request) const;

  // The answer to those whose body check() need not see.
  std::optional<Response> reject(const Request& request) const {
    return access_.reject_data(request);
  }

  // What a client that POSTs this body would be answered, and the lines that would be stored.
  // Stores nothing.
  Response check(const Request& request) const;

 private:
  void append_totals(std::string& json) const;

  const Access access_;
  Recent& recent_;
  const Collector& collector_;
  const Endpoint& endpoint_;
  const Clock& clock_;
  const TimePoint started_;
};

}  // namespace eventcollect::live
