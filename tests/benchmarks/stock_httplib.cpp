// The baseline of server.py: cpp-httplib's own loop behind an empty handler, with the settings that
// make it fastest. It prints where it listens, and ends by a signal.
//
//   build/release/bin/bench_stock_httplib THREADS
//
// cpp-httplib serves a connection by one thread, so THREADS has to be the number of connections.
#include <httplib.h>
#include <sys/socket.h>

#include <cstdio>
#include <cstdlib>
#include <limits>

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: bench_stock_httplib THREADS\n", stderr);
    return 2;
  }
  const auto threads = static_cast<std::size_t>(std::strtoul(argv[1], nullptr, 10));
  httplib::Server server;
  server.new_task_queue = [threads] { return new httplib::ThreadPool{threads}; };
  server.set_tcp_nodelay(true);
  server.set_keep_alive_max_count(std::numeric_limits<std::size_t>::max());
  server.set_keep_alive_timeout(600);
  int listener = -1;
  server.set_socket_options([&](int socket) { listener = socket; });
  server.Post("/events",
              [](const httplib::Request&, httplib::Response& response) { response.status = 202; });
  const int port = server.bind_to_any_port("127.0.0.1");
  ::listen(listener, 1024);  // a compiled cpp-httplib asks for a backlog of five
  std::printf("listening on http://127.0.0.1:%d\n", port);
  std::fflush(stdout);
  return server.listen_after_bind() ? 0 : 1;
}
