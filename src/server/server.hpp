// A running server: the sinks, the collector before them, and the fronts that serve its routes.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "eventcollect/collector.hpp"
#include "eventcollect/endpoint.hpp"
#include "eventcollect/spool.hpp"
#include "eventcollect/url.hpp"
#include "http/front.hpp"
#include "live/page.hpp"
#include "live/recent.hpp"
#include "programs/log.hpp"
#include "server/options.hpp"
#include "server/site.hpp"

namespace eventcollect::server {

// One thread at a time.
class Server {
 public:
  // Opens the sinks. `options` and `log` have to outlive it. Throws ConfigError for what an option
  // is to blame for, and std::exception for the rest.
  Server(const Options& options, programs::Log& log);

  // Serves from now on, and announces where. Throws std::runtime_error where it cannot listen.
  void start();

  // Reads the page anew. One that cannot be read leaves the last one in place.
  void reload();

  // Returns once nothing is in flight any more, or when the options' time for it is over. True if
  // everything that was accepted is stored.
  bool drain();

 private:
  std::unique_ptr<live::Page> make_live_page() const;
  std::unique_ptr<Spool> open_spool();
  std::shared_ptr<Sink> open_events();
  std::shared_ptr<Sink> open_letters();
  std::shared_ptr<Sink> open_letter_store();
  std::shared_ptr<Sink> open_letter_files(const Url& url);
  void say_where_unbounded() const;
  CollectorOptions collector_options();
  std::vector<Route> public_routes();
  std::vector<Route> admin_routes();
  http::SharedBody page();
  void offer_live_page(const http::HostPort& at);
  Response readiness() const;
  Response metrics() const;
  std::string letter_metrics() const;
  std::string spool_metrics() const;
  void wait_for_sink() const;

  const Options& options_;
  programs::Log& log_;
  std::atomic<bool> draining_{false};
  std::atomic<std::uint64_t> letter_files_removed_{0};
  std::mutex page_mutex_;
  http::SharedBody page_;
  std::string live_link_;  // for the page; empty for none
  // Null without --live. Shared with threads that write, which may be left behind.
  const std::shared_ptr<live::Recent> recent_;
  const std::unique_ptr<live::Page> live_page_;
  // Before what opens files: a path that is taken leaves none behind.
  Site public_site_;
  Site admin_site_;
  // In the order in which they begin to work.
  const std::unique_ptr<Spool> spool_;
  const std::shared_ptr<Sink> sink_;
  const std::shared_ptr<Sink> letters_;  // null for nowhere
  Collector collector_;
  Endpoint endpoint_;
  http::Front public_;
  http::Front admin_;
};

}  // namespace eventcollect::server
