#include "eventcollect/amqp.hpp"
#include "eventcollect/open.hpp"

namespace eventcollect {

void enable_amqp() {}

}  // namespace eventcollect
