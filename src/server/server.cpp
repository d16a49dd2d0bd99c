#include "server/server.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <thread>

#include "drivers/file/options.hpp"
#include "eventcollect/client.hpp"
#include "eventcollect/metrics.hpp"
#include "eventcollect/open.hpp"
#include "eventcollect/tee.hpp"
#include "eventcollect/url.hpp"
#include "eventcollect/version.hpp"
#include "http/response.hpp"
#include "live/watched_sink.hpp"
#include "metrics/metrics_text.hpp"
#include "programs/run.hpp"
#include "programs/signals.hpp"
#include "server/front_metrics.hpp"
#include "server/live_routes.hpp"
#include "server/page_file.hpp"
#include "server/spool_metrics.hpp"

namespace eventcollect::server {

using programs::dead_letter_url;
using programs::Log;
using programs::open_option;
using programs::open_sink_option;

namespace {

bool has_option(const Url& url, std::string_view name) {
  return std::any_of(url.options.begin(), url.options.end(),
                     [&](const auto& option) { return option.first == name; });
}

std::shared_ptr<Sink> open_sinks(const std::vector<std::string>& urls, Log& log) {
  std::vector<std::shared_ptr<Sink>> sinks;
  sinks.reserve(urls.size());
  for (const std::string& url : urls) sinks.push_back(open_sink_option("--to", url, log));
  if (sinks.size() == 1) return sinks.front();
  return std::make_shared<TeeSink>(std::move(sinks));
}

// Other programs wait for this line. It may go unread.
void announce(std::string_view what, const http::HostPort& at) {
  const std::string line = fmt::format("{} on http://{}\n", what, at.text());
  std::fwrite(line.data(), 1, line.size(), stdout);
  std::fflush(stdout);
}

Response content(std::string_view type, std::string body) {
  return {200, {{"Content-Type", std::string{type}}}, std::move(body)};
}

}  // namespace

Server::Server(const Options& options, Log& log)
    : options_{options},
      log_{log},
      page_{read_page(options.page, options.endpoint.path)},
      recent_{options.live ? std::make_shared<live::Recent>() : nullptr},
      live_page_{make_live_page()},
      public_site_{public_routes()},
      admin_site_{admin_routes()},
      spool_{open_spool()},
      sink_{open_events()},
      letters_{open_letters()},
      collector_{sink_, collector_options()},
      endpoint_{collector_, options.endpoint},
      public_{public_site_, options.threads, options.http},
      admin_{admin_site_, 1} {}

std::unique_ptr<live::Page> Server::make_live_page() const {
  if (!recent_) return nullptr;
  return std::make_unique<live::Page>(live::Access{options_.admin->host, options_.live_token},
                                      *recent_, collector_, endpoint_, *options_.collector.clock);
}

std::vector<Route> Server::public_routes() {
  std::vector<Route> routes{
      events_route(options_.endpoint.path, endpoint_),
      {.path = client_path(options_.endpoint.path),
       .methods = {"GET", "HEAD"},
       .answer = [](const Request& request) { return client_response(request); }},
      page_route("/",
                 [this] {
                   return http::Answer{content("text/html; charset=utf-8", {}), page()};
                 }),
  };
  if (options_.admin) return routes;
  for (Route& route : admin_routes()) routes.push_back(std::move(route));
  return routes;
}

std::vector<Route> Server::admin_routes() {
  std::vector<Route> routes{
      page_route("/healthz", [] { return http::plain_response(200, "ok"); }),
      page_route("/readyz", [this] { return readiness(); }),
      page_route("/metrics", [this] { return metrics(); }),
  };
  if (!live_page_) return routes;
  for (Route& route : live_routes(*live_page_)) routes.push_back(std::move(route));
  return routes;
}

http::SharedBody Server::page() {
  const std::lock_guard lock{page_mutex_};
  return page_;
}

Response Server::readiness() const {
  return collector_.ready() && !draining_ ? http::plain_response(200, "ready")
                                          : http::plain_response(503, "not ready");
}

Response Server::metrics() const {
  return content(metrics_content_type,
                 render_metrics(collector_.statistics(), endpoint_.statistics()) +
                     render_front_metrics(public_.statistics()) + letter_metrics() +
                     spool_metrics());
}

std::string Server::letter_metrics() const {
  return metrics::render_numbers(
      {{metrics::MetricNumber::Kind::counter, "eventcollect_dead_letter_files_removed_total",
        "Files of dead letters that were removed to make room.",
        static_cast<double>(letter_files_removed_.load())}});
}

// Nothing for a spool whose directory cannot be read right now.
std::string Server::spool_metrics() const {
  if (!spool_) return {};
  try {
    return render_spool_metrics(spool_->statistics());
  } catch (const Error& error) {
    log_.say_seldom("metrics", "error: {}", error.what());
    return {};
  }
}

std::unique_ptr<Spool> Server::open_spool() {
  if (options_.spool.empty()) return nullptr;
  std::vector<SpoolTarget> targets;
  targets.reserve(options_.to.size());
  for (const std::string& url : options_.to) {
    targets.push_back({spool_cursor(url), open_sink_option("--to", url, log_)});
  }
  SpoolOptions options;
  options.files.max_total_bytes = options_.spool_max_bytes;
  options.on_failure = [this](const std::string& target, const std::exception& error) {
    log_.say_seldom(target, "error: {}: {}", target, error.what());
  };
  return std::make_unique<Spool>(options_.spool, std::move(targets), options);
}

std::shared_ptr<Sink> Server::open_events() {
  auto sink = spool_ ? spool_->sink() : open_sinks(options_.to, log_);
  if (!recent_) return sink;
  return std::make_shared<live::WatchedSink>(
      std::move(sink), [recent = recent_](const Batch& batch, const Rejections& rejections) {
        recent->note_stored(batch, rejections);
      });
}

std::shared_ptr<Sink> Server::open_letters() {
  auto store = open_letter_store();
  if (!recent_) return store;
  return std::make_shared<live::WatchedSink>(
      std::move(store), [recent = recent_](const Batch& letters, const Rejections&) {
        recent->note_rejected(letters);
      });
}

std::shared_ptr<Sink> Server::open_letter_store() {
  constexpr std::string_view option = "--dead-letter";
  const std::string text = dead_letter_url(options_.dead_letter, log_);
  if (text == "null:") return nullptr;
  const auto open_files = [this](const std::string& url) {
    return open_letter_files(Url::parse(url));
  };
  if (auto files = open_option(option, open_files, text)) return files;
  return open_sink_option(option, text, log_);
}

// Files that say which of them they remove. Null for another store.
std::shared_ptr<Sink> Server::open_letter_files(const Url& url) {
  if (url.scheme != "file" || !has_option(url, "remove_oldest")) return nullptr;
  FileSinkOptions options = file::sink_options(url);
  options.on_removed = [this](const std::string& name, std::uint64_t bytes) {
    ++letter_files_removed_;
    log_.say_seldom("removed",
                    "dead letters: removed the oldest file, {} of {} bytes, "
                    "since max_total_bytes is reached",
                    name, bytes);
  };
  return std::make_shared<FileSink>(file::directory_of(url), options);
}

void Server::say_where_unbounded() const {
  std::vector<std::string> stores = options_.to;
  if (!options_.dead_letter.empty()) stores.push_back(options_.dead_letter);
  for (const std::string& text : stores) {
    const Url url = Url::parse(text);
    if (url.scheme != "file" || file::sink_options(url).max_total_bytes > 0) continue;
    log_.say("file:{} has no max_total_bytes: what clients send can fill the disk", url.path);
  }
}

CollectorOptions Server::collector_options() {
  CollectorOptions options = options_.collector;
  options.drain_timeout = options_.drain_timeout;
  options.dead_letters = letters_;
  options.on_failure = [this](const Error& error) {
    log_.say_seldom("failure", "error: {}", error.what());
  };
  options.on_recovery = [this] { log_.say_seldom("recovery", "storing events again"); };
  options.on_lost = [this](const Event&, std::string_view why) {
    log_.say_seldom("lost", "error: an accepted event is lost: {}", why);
  };
  return options;
}

void Server::start() {
  const http::HostPort at = public_.start(options_.listen);
  std::optional<http::HostPort> admin_at;
  if (options_.admin) admin_at = admin_.start(*options_.admin);
  if (live_page_) offer_live_page(*admin_at);
  wait_for_sink();
  say_where_unbounded();
  log_.say("eventcollect-server {} started", version);
  if (admin_at) announce("admin", *admin_at);
  announce("listening", at);
}

void Server::offer_live_page(const http::HostPort& at) {
  log_.say("the live page is at http://{}/live", at.text());
  const std::lock_guard lock{page_mutex_};
  live_link_ = live_link(at, options_.listen.host);
  page_ = with_live_link(page_, live_link_);
}

void Server::reload() {
  try {
    http::SharedBody page = read_page(options_.page, options_.endpoint.path);
    const std::lock_guard lock{page_mutex_};
    page_ = with_live_link(std::move(page), live_link_);
  } catch (const std::exception& error) {
    return log_.say("error: {}; the last page stays", error.what());
  }
  log_.say("{}", options_.page.empty() ? "SIGHUP: there is nothing to reload without --page"
                                       : "SIGHUP: the page was read anew");
}

// A program that waits for the line that announces us finds us ready, unless the sink is slow.
void Server::wait_for_sink() const {
  constexpr std::chrono::milliseconds look_interval{1};
  constexpr int looks = 500;
  for (int look = 0; look < looks && !collector_.ready(); ++look) {
    std::this_thread::sleep_for(look_interval);
  }
}

bool Server::drain() {
  using std::chrono::steady_clock;
  log_.say("stopping: draining for {} ms", options_.drain_delay.count());
  draining_ = true;
  public_.close_after_answers();
  programs::exit_at_next_signal();
  std::this_thread::sleep_for(options_.drain_delay);
  const auto end = steady_clock::now() + options_.drain_timeout;
  const auto left = [&] {
    return std::max(std::chrono::ceil<std::chrono::milliseconds>(end - steady_clock::now()),
                    std::chrono::milliseconds{0});
  };
  // Requests that wait for their events end with these; the others are not worth the whole time.
  const bool all_answered = public_.stop(left() / 2);
  const bool all_written = collector_.close(left());
  if (spool_ && !spool_->close(left())) log_.say("the spool keeps events for the next start");
  admin_.stop(left());
  if (!all_answered) log_.say("some requests were cut off before they were complete");
  log_.say("{}", all_written ? "stopped" : "stopped with events that could not be written");
  return all_written;
}

}  // namespace eventcollect::server
