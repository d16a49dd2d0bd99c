#include "eventcollect/open.hpp"
#include "eventcollect/postgres.hpp"

namespace eventcollect {

void enable_postgres() {}

}  // namespace eventcollect
