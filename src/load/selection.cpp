#include "load/selection.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "event/field_value.hpp"
#include "eventcollect/ledger.hpp"
#include "eventcollect/rules.hpp"
#include "eventcollect/url.hpp"
#include "json/text.hpp"

namespace eventcollect::loading {

using event::count_characters;

namespace {

void check_name(const std::string& name) {
  const auto characters = json::check_utf8(name) ? count_characters(name) : std::nullopt;
  if (characters && *characters > 0 && *characters <= max_name_characters) return;
  throw ConfigError{fmt::format(
      "an event's name has 1 to {} characters and none of control: no event can be called '{}'",
      max_name_characters, characters ? name : "")};
}

void append_escaped(std::string& text, std::string_view name) {
  for (const char c : name) {
    switch (c) {
      case '%':
        text += "%25";
        break;
      case '&':
        text += "%26";
        break;
      default:
        text.push_back(c);
    }
  }
}

}  // namespace

Selection::Selection(std::vector<std::string> names) : names_{std::move(names)} {
  std::sort(names_.begin(), names_.end());
  names_.erase(std::unique(names_.begin(), names_.end()), names_.end());
  for (const std::string& name : names_) {
    check_name(name);
    text_ += text_.empty() ? "event=" : "&event=";
    append_escaped(text_, name);
  }
  if (text_.size() > LedgerSink::max_selection_bytes) {
    throw ConfigError{
        fmt::format("{} names of events have {} bytes, and the ledger takes {}: load fewer at a "
                    "time, or all",
                    names_.size(), text_.size(), LedgerSink::max_selection_bytes)};
  }
}

void Selection::choose(const Batch& batch, Batch& chosen) const {
  for (const Event& event : batch) {
    if (std::binary_search(names_.begin(), names_.end(), event.name)) {
      chosen.append(batch, event.index, 1);
    }
  }
}

}  // namespace eventcollect::loading
