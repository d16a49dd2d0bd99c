// Which events of an object are loaded, and how the ledger calls that.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "eventcollect/batch.hpp"

namespace eventcollect::loading {

// A value type.
class Selection {
 public:
  // Events of these names, in any order; all where there is none. Throws ConfigError where one can
  // be no event's, or where they are too many for a ledger.
  explicit Selection(std::vector<std::string> names);

  bool is_whole() const { return names_.empty(); }

  // The same for the same names: empty for all, else "event=NAME&event=NAME". A '%' or '&' in a
  // name is "%25" or "%26".
  const std::string& text() const { return text_; }

  // Appends those of `batch` that are of it to `chosen`.
  void choose(const Batch& batch, Batch& chosen) const;

 private:
  std::vector<std::string> names_;  // sorted
  std::string text_;
};

}  // namespace eventcollect::loading
