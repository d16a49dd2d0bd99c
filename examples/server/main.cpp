// eventcollect-server: takes events at /events and answers 202 when they are durable.
#include "eventcollect/drivers.hpp"
#include "eventcollect/server.hpp"

int main(int argc, char** argv) {
  eventcollect::enable_drivers();
  return eventcollect::server_main(argc, argv);
}
