// The smallest useful server, on cpp-httplib: a page at /, whose clicks become events in files
// under events/. It wants a proxy in front: see examples/embed/README.md.
//
//   eventcollect-minimal-server [PORT [SINK-URL]]
#include <cstdlib>
#include <iostream>

#include "eventcollect/eventcollect.hpp"
#include "eventcollect/httplib_client.hpp"

constexpr const char* page = R"(<!doctype html>
<button>Click me!</button> <button>Click me as well!</button>
<script src="/events/client.js" data-capture="clicks" defer></script>)";

int main(int argc, char** argv) {
  const int port = argc > 1 ? std::atoi(argv[1]) : 8080;
  try {
    eventcollect::Collector events{eventcollect::open_sink(argc > 2 ? argv[2] : "file:events")};
    httplib::Server app;
    app.set_payload_max_length(1 << 20).set_keep_alive_max_count(1000).set_keep_alive_timeout(2);
    app.set_read_timeout(2).set_write_timeout(2);
    app.new_task_queue = [] { return new httplib::ThreadPool{64}; };
    app.Get("/", [](const auto&, auto& response) { response.set_content(page, "text/html"); });
    const eventcollect::Endpoint endpoint{events};
    eventcollect::mount(app, endpoint);
    eventcollect::mount_client(app, endpoint);
    // Any other body is left unread: read, a MiB of gzip would become a GiB.
    const auto unread = [](const auto&, auto& response, const auto&) { response.status = 404; };
    app.Post(".*", unread).Put(".*", unread).Patch(".*", unread).Delete(".*", unread);
    std::cout << "POST events to http://127.0.0.1:" << port << "/events" << std::endl;
    if (!app.listen("127.0.0.1", port)) throw std::runtime_error{"the port is taken"};
  } catch (const std::exception& error) {
    std::cerr << "eventcollect-minimal-server: " << error.what() << '\n';
    return EXIT_FAILURE;
  }
}
