// A cpp-httplib server on a port, with what its defaults lack.
#pragma once

#include <chrono>
#include <httplib.h>

#include <cstddef>
#include <string>
#include <thread>

#include "server/options.hpp"

namespace eventcollect {

// One thread at a time.
class HttpServer {
 public:
  // Serves at most `threads` connections at the same time.
  explicit HttpServer(std::size_t threads);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // To add handlers to, before start().
  httplib::Server& app() { return app_; }

  // Listens and serves from now on. Returns where: with the port that the system picked. Throws
  // std::runtime_error where that cannot be had.
  HostPort start(const HostPort& at);

  // Ends listening and waits for connections to end.
  void stop();

 private:
  httplib::Server app_;
  int socket_ = -1;
  std::thread listener_;
};

}  // namespace eventcollect
