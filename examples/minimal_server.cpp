// The smallest useful server, on cpp-httplib: a page at /, whose clicks become events in files
// under events/.
//
//   eventcollect-minimal-server [PORT [SINK-URL]]
#include <cstdlib>
#include <iostream>
#include <string>

#include "eventcollect/eventcollect.hpp"
#include "eventcollect/httplib.hpp"

constexpr const char* page = R"(<!doctype html>
<button>Click me!</button> <button>Click me as well!</button>
<script>
  document.onclick = ({target}) => fetch('/events', {
    method: 'POST',
    headers: {'Content-Type': 'application/json'},
    body: JSON.stringify({event: 'clicked_event', url: location.href, properties: {on: target.textContent}}),
  });
</script>)";

int main(int argc, char** argv) {
  const int port = argc > 1 ? std::atoi(argv[1]) : 8080;
  const std::string sink = argc > 2 ? argv[2] : "file:events";
  try {
    eventcollect::Collector events{eventcollect::open_sink(sink)};
    httplib::Server app;
    app.Get("/", [](const auto&, auto& response) { response.set_content(page, "text/html"); });
    eventcollect::mount(app, eventcollect::Endpoint{events});
    std::cout << "POST events to http://127.0.0.1:" << port << "/events" << std::endl;
    if (!app.listen("127.0.0.1", port)) throw std::runtime_error{"the port is taken"};
  } catch (const std::exception& error) {
    std::cerr << "eventcollect-minimal-server: " << error.what() << '\n';
    return EXIT_FAILURE;
  }
  return EXIT_SUCCESS;
}
