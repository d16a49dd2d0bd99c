// eventcollect-archive: from a queue to objects, gzipped and by the hour.
#include "eventcollect/drivers.hpp"
#include "eventcollect/programs.hpp"

int main(int argc, char** argv) {
  eventcollect::enable_drivers();
  return eventcollect::archive_main(argc, argv);
}
