#include "live/page.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string>
#include <vector>

#include "base/format.hpp"
#include "collect/receipts.hpp"
#include "collect/request_body.hpp"
#include "collect/responses.hpp"
#include "eventcollect/parser.hpp"
#include "http/response.hpp"
#include "live/files.hpp"

namespace eventcollect::live {

using base::append_format;

namespace {

constexpr std::string_view content_security_policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
constexpr std::size_t max_stored_shown = 20;

Response answer(std::string_view type, std::string body) {
  return {200,
          {{"Content-Type", std::string{type}},
           {"Cache-Control", "no-store"},
           {"Cross-Origin-Resource-Policy", "same-origin"}},
          std::move(body)};
}

struct File {
  std::string_view path;
  std::string_view type;
  std::string_view text;
};

std::array<File, 7> files() {
  constexpr std::string_view js = "text/javascript; charset=utf-8";
  return {{{"/live", "text/html; charset=utf-8", live_html},
           {"/live/live.css", "text/css; charset=utf-8", live_css},
           {"/live/live.js", js, live_js},
           {"/live/figures.js", js, figures_js},
           {"/live/plot.js", js, plot_js},
           {"/live/rows.js", js, rows_js},
           {"/live/check.js", js, check_js}}};
}

// "12.3", or nothing for a first request.
std::optional<Cursor> parse_cursor(std::string_view query) {
  constexpr std::string_view name = "after=";
  Cursor cursor;
  if (query.empty()) return cursor;
  if (!query.starts_with(name)) return {};
  const char* end = query.data() + query.size();
  const auto stored = std::from_chars(query.data() + name.size(), end, cursor.stored);
  if (stored.ec != std::errc{} || stored.ptr == end || *stored.ptr != '.') return {};
  const auto rejected = std::from_chars(stored.ptr + 1, end, cursor.rejected);
  if (rejected.ec != std::errc{} || rejected.ptr != end) return {};
  return cursor;
}

}  // namespace

Page::Page(Access access, Recent& recent, const Collector& collector, const Endpoint& endpoint,
           const Clock& clock)
    : access_{std::move(access)},
      recent_{recent},
      collector_{collector},
      endpoint_{endpoint},
      clock_{clock},
      started_{clock.now()} {}

std::vector<std::string_view> Page::file_paths() {
  std::vector<std::string_view> paths;
  for (const File& file : files()) paths.push_back(file.path);
  return paths;
}

Response Page::file(const Request& request) const {
  if (auto rejected = access_.reject_page(request)) return *std::move(rejected);
  const auto all = files();
  const auto found = std::find_if(all.begin(), all.end(),
                                  [&](const File& file) { return file.path == request.path; });
  if (found == all.end()) return http::plain_response(404, "There is nothing at this path.");
  Response response = answer(found->type, std::string{found->text});
  response.headers.emplace_back("Content-Security-Policy", content_security_policy);
  response.headers.emplace_back("Referrer-Policy", "no-referrer");
  return response;
}

Response Page::events(const Request& request) const {
  if (auto rejected = access_.reject_data(request)) return *std::move(rejected);
  const auto after = parse_cursor(request.query);
  if (!after) {
    return http::plain_response(400,
                                "The query must be empty or the cursor of the last answer, "
                                "as in after=12.3.");
  }
  const TimePoint now = clock_.now();
  std::string out;
  const Recent::News news = recent_.append_news(out, *after, now);
  append_format(out,
                R"({{"now":{},"started":{},"cursor":"{}.{}","stored":{},"rejected":{},)"
                R"("missed":{{"stored":{},"rejected":{}}},)",
                to_milliseconds(now), to_milliseconds(started_), news.cursor.stored,
                news.cursor.rejected, news.stored, news.rejected, news.stored_missed,
                news.rejected_missed);
  append_totals(out);
  recent_.append_counts(out, now);
  out += "}\n";
  return answer("application/x-ndjson", std::move(out));
}

void Page::append_totals(std::string& json) const {
  const CollectorStatistics statistics = collector_.statistics();
  append_format(json,
                R"("ready":{},"events_stored":{},"events_queued":{},"letters_kept":{},)"
                R"("letters_not_kept":{},"codes":{{)",
                collector_.ready(), statistics.sink.events_stored, statistics.sink.queued_events,
                statistics.dead_letters.events_stored,
                statistics.dead_letters_over_rate + statistics.dead_letters.events_lost +
                    statistics.dead_letters.events_rejected);
  for (std::size_t i = 0; i < all_codes.size(); ++i) {
    if (statistics.events_rejected[i] == 0) continue;
    append_format(json, R"({}"{}":{})", json.back() == '{' ? "" : ",", all_codes[i],
                  statistics.events_rejected[i]);
  }
  json += R"(},"responses":{)";
  for (const auto& [status, count] : endpoint_.statistics().responses) {
    append_format(json, R"({}"{}":{})", json.back() == '{' ? "" : ",", status, count);
  }
  json += "},";
}

Response Page::check(const Request& request) const {
  if (auto rejected = access_.reject_data(request)) return *std::move(rejected);
  collect::RequestBody body;
  Response verdict;
  Batch batch;
  if (auto wrong = collect::check_body_headers(request)) {
    verdict = *std::move(wrong);
  } else if (auto unread = collect::read_body(request, max_check_bytes, body)) {
    verdict = *std::move(unread);
  } else {
    std::vector<Rejection> rejections;
    Parser{}.parse(body.text, body.format, {.server_time = clock_.now()}, collector_.rules(), batch,
                   rejections);
    verdict = collect::response_to(collect::receipt_of(rejections, batch.size()));
  }
  std::string out;
  append_format(out, R"({{"status":{},"accepted":{},"answer":{}}})", verdict.status, batch.size(),
                verdict.body.empty() ? "null" : verdict.body);
  out.push_back('\n');
  for (std::size_t i = 0; i < std::min(batch.size(), max_stored_shown); ++i) {
    out.append(batch[i].line).push_back('\n');
  }
  return answer("application/x-ndjson", std::move(out));
}

}  // namespace eventcollect::live
