#include "eventcollect/drivers.hpp"

#include "eventcollect/dir.hpp"

#ifdef EVENTCOLLECT_WITH_AMQP
#include "eventcollect/amqp.hpp"
#endif
#ifdef EVENTCOLLECT_WITH_POSTGRES
#include "eventcollect/postgres.hpp"
#endif
#ifdef EVENTCOLLECT_WITH_S3
#include "eventcollect/s3.hpp"
#endif
#ifdef EVENTCOLLECT_WITH_SQLITE
#include "eventcollect/sqlite.hpp"
#endif

namespace eventcollect {

void enable_drivers() {
  enable_dir();
#ifdef EVENTCOLLECT_WITH_AMQP
  enable_amqp();
#endif
#ifdef EVENTCOLLECT_WITH_POSTGRES
  enable_postgres();
#endif
#ifdef EVENTCOLLECT_WITH_S3
  enable_s3();
#endif
#ifdef EVENTCOLLECT_WITH_SQLITE
  enable_sqlite();
#endif
}

}  // namespace eventcollect
