#include "load/object_list.hpp"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "objects/layout.hpp"

namespace eventcollect::loading {

using objects::events_suffix;
using objects::Hour;
using objects::hourly_folder;
using objects::raw_folder;

namespace {

constexpr std::size_t keys_per_question = 1'000;

class Lister {
 public:
  Lister(ObjectStore& store, LedgerSink& ledger, std::string_view selection, const HourRange& range)
      : store_{store}, ledger_{ledger}, selection_{selection}, range_{range} {}

  void list(std::string_view folder) {
    // The key of an hour's folder without its '/' is greater than all of the hour before, and less
    // than all of its own.
    std::string after =
        range_.since ? fmt::format("{}{}", folder, Hour{*range_.since}.partition()) : std::string{};
    if (!after.empty()) after.pop_back();
    const std::string end =
        range_.until ? fmt::format("{}{}", folder, Hour{*range_.until}.partition()) : std::string{};
    store_.list(folder, after, [&](const ObjectInfo& object) {
      if (!end.empty() && object.key >= end) return false;
      if (!object.key.ends_with(events_suffix) || !Hour::of_key(object.key)) return true;
      keys_.push_back(object.key);
      bytes_.push_back(object.bytes);
      if (keys_.size() == keys_per_question) ask();
      return true;
    });
    ask();
  }

  ObjectList take() { return std::move(list_); }

 private:
  void ask() {
    if (keys_.empty()) return;
    const std::vector<bool> loaded = ledger_.loaded(keys_, selection_);
    for (std::size_t i = 0; i < keys_.size(); ++i) {
      if (loaded[i]) {
        ++list_.loaded;
      } else {
        list_.missing.push_back({std::move(keys_[i]), bytes_[i]});
      }
    }
    keys_.clear();
    bytes_.clear();
  }

  ObjectStore& store_;
  LedgerSink& ledger_;
  const std::string_view selection_;
  const HourRange& range_;
  std::vector<std::string> keys_;
  std::vector<std::uint64_t> bytes_;
  ObjectList list_;
};

}  // namespace

ObjectList list_missing(ObjectStore& store, LedgerSink& ledger, std::string_view selection,
                        const HourRange& range) {
  Lister lister{store, ledger, selection, range};
  // Compaction makes an hourly object before it removes the raw ones, so in this order none can
  // slip through between the two.
  lister.list(raw_folder);
  lister.list(hourly_folder);
  return lister.take();
}

}  // namespace eventcollect::loading
