// The smallest useful server: POST /events on port 8080, into files under events/.
//
//   eventcollect-minimal-server [PORT [SINK-URL]]
#include <cstdlib>
#include <iostream>
#include <string>

#include "eventcollect/eventcollect.hpp"
#include "eventcollect/httplib.hpp"

int main(int argc, char** argv) {
  const int port = argc > 1 ? std::atoi(argv[1]) : 8080;
  const std::string url = argc > 2 ? argv[2] : "file:events";
  try {
    eventcollect::Collector events{eventcollect::open_sink(url)};
    httplib::Server app;
    eventcollect::mount(app, eventcollect::Endpoint{events});
    std::cout << "POST events to http://127.0.0.1:" << port << "/events" << std::endl;
    if (!app.listen("127.0.0.1", port)) throw std::runtime_error{"the port is taken"};
  } catch (const std::exception& error) {
    std::cerr << "eventcollect-minimal-server: " << error.what() << '\n';
    return EXIT_FAILURE;
  }
  return EXIT_SUCCESS;
}
