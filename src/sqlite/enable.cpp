#include "eventcollect/open.hpp"
#include "eventcollect/sqlite.hpp"

namespace eventcollect {

void enable_sqlite() {}

}  // namespace eventcollect
