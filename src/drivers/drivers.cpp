#include "eventcollect/drivers.hpp"

// EVENTCOLLECT_DRIVERS is DRIVER(dir) DRIVER(amqp) and so on: the drivers that are built.
namespace eventcollect {

#define DRIVER(name) void enable_##name();
EVENTCOLLECT_DRIVERS
#undef DRIVER

void enable_drivers() {
#define DRIVER(name) enable_##name();
  EVENTCOLLECT_DRIVERS
#undef DRIVER
}

}  // namespace eventcollect
