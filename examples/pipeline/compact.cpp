// eventcollect-compact: one sorted object of an hour's many, each event once.
#include "eventcollect/drivers.hpp"
#include "eventcollect/programs.hpp"

int main(int argc, char** argv) {
  eventcollect::enable_drivers();
  return eventcollect::compact_main(argc, argv);
}
