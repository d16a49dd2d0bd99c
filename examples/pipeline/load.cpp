// eventcollect-load: from objects into a database, each event once.
#include "eventcollect/drivers.hpp"
#include "eventcollect/programs.hpp"

int main(int argc, char** argv) {
  eventcollect::enable_drivers();
  return eventcollect::load_main(argc, argv);
}
