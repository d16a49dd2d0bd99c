// All drivers that were built, at once.
//
//   int main(int argc, char** argv) {
//     eventcollect::enable_drivers();
//     return eventcollect::server_main(argc, argv);
//   }
#pragma once

namespace eventcollect {

// Calls the enable_…() of each driver. There is no static initialiser instead, since a static
// library would lose it. Safe from any thread.
void enable_drivers();

}  // namespace eventcollect
