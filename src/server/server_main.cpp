#include <fmt/format.h>
#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <thread>

#include "eventcollect/httplib.hpp"
#include "eventcollect/metrics.hpp"
#include "eventcollect/open.hpp"
#include "eventcollect/server.hpp"
#include "eventcollect/tee.hpp"
#include "eventcollect/url.hpp"
#include "eventcollect/version.hpp"
#include "server/demo_page.hpp"
#include "server/http_server.hpp"
#include "server/log.hpp"
#include "server/options.hpp"

namespace eventcollect {
namespace {

constexpr std::size_t admin_threads = 4;

// The signals that end the server, taken by sigwait alone.
sigset_t ending_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

// To be called before any thread is started: they inherit it.
void take_over_signals() {
  const sigset_t signals = ending_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  // A client that hangs up and a file that meets its limit are errors of a call, not our end.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
}

void wait_for_signal() {
  const sigset_t signals = ending_signals();
  int signal = 0;
  sigwait(&signals, &signal);
}

// Whoever asks a second time does not want to wait.
void exit_at_next_signal() {
  std::thread{[] {
    wait_for_signal();
    std::_Exit(EXIT_FAILURE);
  }}.detach();
}

std::shared_ptr<Sink> open_sinks(const std::vector<std::string>& urls) {
  std::vector<std::shared_ptr<Sink>> sinks;
  for (const std::string& url : urls) sinks.push_back(open_sink(url));
  if (sinks.size() == 1) return sinks.front();
  return std::make_shared<TeeSink>(std::move(sinks));
}

std::string read_page(const std::string& path) {
  if (path.empty()) return std::string{detail::demo_page};
  std::ifstream file{path, std::ios::binary};
  if (!file) throw ConfigError{fmt::format("--page: cannot read '{}'", path)};
  return {std::istreambuf_iterator<char>{file}, {}};
}

// The parts of a running server, in the order in which they come to life.
class Server {
 public:
  Server(const ServerOptions& options, Log& log)
      : options_{options},
        log_{log},
        page_{read_page(options.page)},
        collector_{open_sinks(options.to), collector_options()},
        endpoint_{collector_, options.endpoint},
        public_{options.threads},
        admin_{admin_threads} {
    add_page();
    mount(public_.app(), endpoint_);
    add_health(options.admin ? admin_.app() : public_.app());
    guard(public_.app(), !options.admin);
    if (options.admin) guard(admin_.app(), true);
  }

  void start() {
    const HostPort at = public_.start(options_.listen);
    log_.say(fmt::format("eventcollect-server {} started", version));
    if (options_.admin) fmt::print("admin on http://{}\n", admin_.start(*options_.admin).text());
    fmt::print("listening on http://{}\n", at.text());
    std::fflush(stdout);
  }

  // Returns once nothing is in flight any more, or when the options' time for it is over.
  bool drain() {
    log_.say(fmt::format("stopping: draining for {} ms", options_.drain_delay.count()));
    draining_ = true;
    exit_at_next_signal();
    std::this_thread::sleep_for(options_.drain_delay);
    std::thread out_of_time{[timeout = options_.drain_timeout, this] {
      std::unique_lock lock{mutex_};
      if (drained_.wait_for(lock, timeout, [this] { return is_drained_; })) return;
      log_.say("stopped before all work in flight had ended: --drain-timeout is over");
      std::_Exit(EXIT_FAILURE);
    }};
    public_.stop();
    const bool all_written = collector_.close(options_.drain_timeout);
    admin_.stop();
    {
      const std::lock_guard lock{mutex_};
      is_drained_ = true;
    }
    drained_.notify_all();
    out_of_time.join();
    log_.say(all_written ? "stopped" : "stopped with events that could not be written");
    return all_written;
  }

 private:
  CollectorOptions collector_options() {
    CollectorOptions options = options_.collector;
    options.drain_timeout = options_.drain_timeout;
    options.dead_letters = open_sink(options_.dead_letter);
    options.on_failure = [this](const SinkError& error) {
      log_.say_seldom("failure", fmt::format("error: {}", error.what()));
    };
    options.on_recovery = [this] { log_.say_seldom("recovery", "storing events again"); };
    options.on_lost = [this](const Event&, std::string_view why) {
      log_.say_seldom("lost", fmt::format("error: an accepted event is lost: {}", why));
    };
    return options;
  }

  void add_page() {
    public_.app().Get("/", [this](const httplib::Request&, httplib::Response& response) {
      response.set_content(page_, "text/html; charset=utf-8");
    });
  }

  void add_health(httplib::Server& app) {
    app.Get("/healthz", [](const httplib::Request&, httplib::Response& response) {
      response.set_content("ok\n", "text/plain");
    });
    app.Get("/readyz", [this](const httplib::Request&, httplib::Response& response) {
      const bool ready = collector_.ready() && !draining_;
      response.status = ready ? 200 : 503;
      response.set_content(ready ? "ready\n" : "not ready\n", "text/plain");
    });
    app.Get("/metrics", [this](const httplib::Request&, httplib::Response& response) {
      response.set_content(render_metrics(collector_, endpoint_), metrics_content_type);
    });
  }

  // Answers what no handler is there for, before cpp-httplib would read its body.
  void guard(httplib::Server& app, bool has_health) {
    const bool is_public = &app == &public_.app();
    app.set_pre_routing_handler([this, is_public, has_health](const httplib::Request& request,
                                                              httplib::Response& response) {
      if (is_public && request.path == options_.endpoint.path) {
        return httplib::Server::HandlerResponse::Unhandled;
      }
      const bool is_health = request.path == "/healthz" || request.path == "/readyz" ||
                             request.path == "/metrics";
      const bool is_known = (is_public && request.path == "/") || (has_health && is_health);
      const bool is_get = request.method == "GET" || request.method == "HEAD";
      if (is_known && is_get) return httplib::Server::HandlerResponse::Unhandled;
      Response refusal{is_known ? 405 : 404, {{"Content-Type", "text/plain"}}, {}};
      refusal.body = is_known ? "method not allowed\n" : "not found\n";
      if (is_known) refusal.headers.emplace_back("Allow", "GET, HEAD");
      if (httplib_adapter::has_body(request)) {
        httplib_adapter::set_and_close(response, std::move(refusal));
      } else {
        httplib_adapter::set(response, refusal);
      }
      return httplib::Server::HandlerResponse::Handled;
    });
    app.set_post_routing_handler([this](const httplib::Request&, httplib::Response& response) {
      if (draining_) response.set_header("Connection", "close");
    });
  }

  const ServerOptions& options_;
  Log& log_;
  std::atomic<bool> draining_{false};
  const std::string page_;
  Collector collector_;
  Endpoint endpoint_;
  HttpServer public_;
  HttpServer admin_;

  std::mutex mutex_;
  std::condition_variable drained_;
  bool is_drained_ = false;
};

int run(const ServerOptions& options) {
  take_over_signals();
  Log log;
  try {
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
  constexpr int wrong_usage = 2;
  try {
    const auto options = read_options(argc, argv);
    return options ? run(*options) : EXIT_SUCCESS;
  } catch (const ConfigError& error) {
    fmt::print(stderr, "eventcollect-server: {}\nTry eventcollect-server --help.\n", error.what());
    return wrong_usage;
  }
}

}  // namespace eventcollect
