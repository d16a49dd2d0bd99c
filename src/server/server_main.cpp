#include <fmt/format.h>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "eventcollect/metrics.hpp"
#include "eventcollect/open.hpp"
#include "eventcollect/server.hpp"
#include "eventcollect/spool.hpp"
#include "eventcollect/tee.hpp"
#include "eventcollect/url.hpp"
#include "eventcollect/version.hpp"
#include "http/front.hpp"
#include "programs/log.hpp"
#include "programs/run.hpp"
#include "programs/signals.hpp"
#include "server/demo_page.hpp"
#include "server/front_metrics.hpp"
#include "server/options.hpp"
#include "server/site.hpp"
#include "server/spool_metrics.hpp"

namespace eventcollect {
namespace {

bool is_known_sink(const std::string& url) {
  const auto known = known_sinks();
  return std::find(known.begin(), known.end(), url.substr(0, url.find(':'))) != known.end();
}

std::shared_ptr<Sink> open_sinks(const std::vector<std::string>& urls) {
  std::vector<std::shared_ptr<Sink>> sinks;
  sinks.reserve(urls.size());
  for (const std::string& url : urls) sinks.push_back(open_sink_option("--to", url));
  if (sinks.size() == 1) return sinks.front();
  return std::make_shared<TeeSink>(std::move(sinks));
}

std::string read_page(const std::string& path) {
  if (path.empty()) return std::string{detail::demo_page};
  std::error_code unknown;
  std::ifstream file{path, std::ios::binary};
  if (!file || !std::filesystem::is_regular_file(path, unknown)) {
    throw ConfigError{fmt::format("--page: cannot read '{}'", path)};
  }
  return {std::istreambuf_iterator<char>{file}, {}};
}

// What other programs wait for: where we serve. Nobody need be there to read it.
void announce(std::string_view what, const HostPort& at) {
  const std::string line = fmt::format("{} on http://{}\n", what, at.text());
  std::fwrite(line.data(), 1, line.size(), stdout);
  std::fflush(stdout);
}

// The parts of a running server, in the order in which they come to life.
class Server {
 public:
  Server(const ServerOptions& options, Log& log)
      : options_{options},
        log_{log},
        page_{read_page(options.page)},
        spool_{open_spool()},
        sink_{spool_ ? spool_->sink() : open_sinks(options.to)},
        letters_{open_sink_option("--dead-letter", dead_letter_url(options.dead_letter, log))},
        collector_{sink_, collector_options()},
        endpoint_{collector_, options.endpoint},
        public_{public_site_, options.threads},
        admin_{admin_site_, 1} {
    public_site_.add(endpoint_);
    public_site_.add("/", [this](httplib::Response& response) {
      response.set_content(page_, "text/html; charset=utf-8");
    });
    add_health(options.admin ? admin_site_ : public_site_);
  }

  void start() {
    const HostPort at = public_.start(options_.listen);
    std::optional<HostPort> admin_at;
    if (options_.admin) admin_at = admin_.start(*options_.admin);
    wait_for_sink();
    log_.say(fmt::format("eventcollect-server {} started", version));
    if (admin_at) announce("admin", *admin_at);
    announce("listening", at);
  }

  // Returns once nothing is in flight any more, or when the options' time for it is over. True if
  // everything that was accepted is stored.
  bool drain() {
    using std::chrono::steady_clock;
    log_.say(fmt::format("stopping: draining for {} ms", options_.drain_delay.count()));
    draining_ = true;
    public_.close_after_answers();
    exit_at_next_signal();
    std::this_thread::sleep_for(options_.drain_delay);
    const auto end = steady_clock::now() + options_.drain_timeout;
    const auto left = [&] {
      return std::max(std::chrono::ceil<std::chrono::milliseconds>(end - steady_clock::now()),
                      std::chrono::milliseconds{0});
    };
    // Requests that wait for their events end with these, the others are not worth the whole time.
    const bool all_answered = public_.stop(left() / 2);
    const bool all_written = collector_.close(left());
    if (spool_ && !spool_->close(left())) log_.say("the spool keeps events for the next start");
    admin_.stop(left());
    if (!all_answered) log_.say("some requests were cut off before they had come whole");
    log_.say(all_written ? "stopped" : "stopped with events that could not be written");
    return all_written;
  }

 private:
  // Whoever waits for the line that announces us finds us ready, if the sink is near and well.
  void wait_for_sink() const {
    constexpr std::chrono::milliseconds look_interval{1};
    constexpr int looks = 500;
    for (int look = 0; look < looks && !collector_.ready(); ++look) {
      std::this_thread::sleep_for(look_interval);
    }
  }

  std::unique_ptr<Spool> open_spool() {
    if (options_.spool.empty()) return nullptr;
    std::vector<SpoolTarget> targets;
    targets.reserve(options_.to.size());
    for (const std::string& url : options_.to) {
      targets.push_back({spool_cursor(url), open_sink_option("--to", url)});
    }
    SpoolOptions options;
    options.files.max_total_bytes = options_.spool_max_bytes;
    options.on_failure = [this](const std::string& target, const std::exception& error) {
      log_.say_seldom(target, fmt::format("error: {}: {}", target, error.what()));
    };
    options.on_notice = [this](const std::string& target, const std::string& notice) {
      log_.say(fmt::format("{}: {}", target, notice));
    };
    return std::make_unique<Spool>(options_.spool, std::move(targets), options);
  }

  // Without those of a spool whose directory cannot be read right now.
  std::string spool_metrics() const {
    if (!spool_) return {};
    try {
      return render_spool_metrics(spool_->statistics());
    } catch (const Error& error) {
      log_.say_seldom("metrics", fmt::format("error: {}", error.what()));
      return {};
    }
  }

  CollectorOptions collector_options() {
    CollectorOptions options = options_.collector;
    options.drain_timeout = options_.drain_timeout;
    options.dead_letters = letters_;
    options.on_failure = [this](const Error& error) {
      log_.say_seldom("failure", fmt::format("error: {}", error.what()));
    };
    options.on_recovery = [this] { log_.say_seldom("recovery", "storing events again"); };
    options.on_lost = [this](const Event&, std::string_view why) {
      log_.say_seldom("lost", fmt::format("error: an accepted event is lost: {}", why));
    };
    return options;
  }

  void add_health(Site& site) {
    site.add("/healthz",
             [](httplib::Response& response) { response.set_content("ok\n", "text/plain"); });
    site.add("/readyz", [this](httplib::Response& response) {
      const bool ready = collector_.ready() && !draining_;
      response.status = ready ? 200 : 503;
      response.set_content(ready ? "ready\n" : "not ready\n", "text/plain");
    });
    site.add("/metrics", [this](httplib::Response& response) {
      response.set_content(render_metrics(collector_.statistics(), endpoint_.statistics()) +
                               render_front_metrics(public_.statistics()) + spool_metrics(),
                           metrics_content_type);
    });
  }

  const ServerOptions& options_;
  Log& log_;
  std::atomic<bool> draining_{false};
  const std::string page_;
  const std::unique_ptr<Spool> spool_;
  const std::shared_ptr<Sink> sink_;
  const std::shared_ptr<Sink> letters_;
  Collector collector_;
  Endpoint endpoint_;
  Site public_site_;
  Site admin_site_;
  Front public_;
  Front admin_;
};

int run(const ServerOptions& options) {
  take_over_signals();
  Log log;
  try {
    // A misspelt scheme is found before anything is made for the other options.
    if (!is_known_sink(options.dead_letter)) open_sink_option("--dead-letter", options.dead_letter);
    Server server{options, log};
    server.start();
    wait_for_signal();
    return server.drain() ? EXIT_SUCCESS : EXIT_FAILURE;
  } catch (const ConfigError&) {
    throw;
  } catch (const std::exception& error) {
    log.say(fmt::format("error: {}", error.what()));
    return EXIT_FAILURE;
  }
}

}  // namespace

int server_main(int argc, char** argv) {
  return run_program("eventcollect-server", [&] {
    const auto options = read_options(argc, argv);
    return options ? run(*options) : EXIT_SUCCESS;
  });
}

}  // namespace eventcollect
