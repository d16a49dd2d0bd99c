// SQLite.
#pragma once

namespace eventcollect {

// Makes the schemes of this driver known to open_sink and open_source. Safe from any thread.
void enable_sqlite();

}  // namespace eventcollect
