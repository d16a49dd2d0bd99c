#include "live/recent.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/format.hpp"
#include "json/text.hpp"

namespace eventcollect::live {

using base::append_format;

namespace {

// Appends the texts after the number `after` that are kept. Returns how many.
std::size_t append_texts(std::string& out, const TextRing& ring, std::uint64_t after) {
  std::size_t given = 0;
  for (; given < ring.kept(); ++given) {
    const TextRing::Text text = ring.newest(given);
    if (text.number <= after) break;
    out.append(text.text).push_back('\n');
  }
  return given;
}

// A cursor of another process, whose numbers have gone further, has seen none of ours.
std::uint64_t seen_of(const TextRing& ring, std::uint64_t after) {
  return after <= ring.added() ? after : 0;
}

}  // namespace

void Recent::note_stored(const Batch& batch, const Rejections& rejections) {
  const std::uint64_t stored = batch.size() - rejections.size();
  const std::lock_guard lock{mutex_};
  const std::uint64_t before = stored_.seconds.add(batch.latest(), stored);
  TextRing& newest = stored_.newest;
  if (before >= max_unwatched_a_second && !is_watched(batch.latest())) {
    newest.pass_over(stored);
    unnamed_ += stored;
    return;
  }
  const std::size_t kept_from = batch.size() - std::min(batch.size(), max_texts);
  std::string_view name;
  std::uint64_t of_name = 0;
  for (const Event& event : batch) {
    if (rejections.contains(event)) continue;
    if (event.index < kept_from) {
      newest.pass_over(1);
    } else {
      newest.add(event.line);
    }
    // Events of one name often come together.
    if (event.name != name) count_name(name, std::exchange(of_name, 0));
    name = event.name;
    ++of_name;
  }
  count_name(name, of_name);
}

void Recent::note_rejected(const Batch& letters) {
  const std::lock_guard lock{mutex_};
  rejected_.seconds.add(letters.latest(), letters.size());
  for (const Event& letter : letters) rejected_.newest.add(letter.line);
}

// Either side of the last look: the clock may have been set back since.
bool Recent::is_watched(TimePoint now) const {
  return last_look_ && std::chrono::abs(now - *last_look_) <= watched_for;
}

void Recent::count_name(std::string_view name, std::uint64_t events) {
  if (events == 0) return;
  const auto found = names_.find(name);
  if (found != names_.end()) {
    found->second += events;
    return;
  }
  if (names_.size() == max_names) forget_rarest_name();
  names_.emplace(name, events);
}

// So that names that strangers make up do not keep out those of the site.
void Recent::forget_rarest_name() {
  const auto rarest =
      std::min_element(names_.begin(), names_.end(),
                       [](const auto& a, const auto& b) { return a.second < b.second; });
  other_names_ += rarest->second;
  names_.erase(rarest);
}

Recent::News Recent::append_news(std::string& out, Cursor after, TimePoint now) {
  const std::lock_guard lock{mutex_};
  last_look_ = now;
  const TextRing& stored = stored_.newest;
  const TextRing& rejected = rejected_.newest;
  after = {seen_of(stored, after.stored), seen_of(rejected, after.rejected)};
  News news{.cursor = {stored.added(), rejected.added()}};
  news.stored = append_texts(out, stored, after.stored);
  news.rejected = append_texts(out, rejected, after.rejected);
  news.stored_missed = stored.added() - after.stored - news.stored;
  news.rejected_missed = rejected.added() - after.rejected - news.rejected;
  return news;
}

void Recent::append_counts(std::string& json, TimePoint now) const {
  const std::lock_guard lock{mutex_};
  json += R"("seconds":{"stored":[)";
  stored_.seconds.append(json, now);
  json += R"(],"rejected":[)";
  rejected_.seconds.append(json, now);
  json += R"(]},"names":{)";
  append_names(json);
  append_format(json, R"(}},"other_names":{},"unnamed":{})", other_names_, unnamed_);
}

void Recent::append_names(std::string& json) const {
  for (const auto& [name, events] : names_) {
    if (json.back() != '{') json.push_back(',');
    json::append_string(json, name);
    append_format(json, ":{}", events);
  }
}

}  // namespace eventcollect::live
