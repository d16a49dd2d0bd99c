// The whole server as a function, for a program of your own that adds a sink.
//
//   int main(int argc, char** argv) {
//     eventcollect::register_sink("mydb", open_my_sink);
//     return eventcollect::server_main(argc, argv);           // … --to mydb:events
//   }
#pragma once

namespace eventcollect {

// Runs eventcollect-server with these arguments (see `--help`) until SIGTERM or SIGINT has drained
// it. Returns the exit status: 0 done, 1 failed, 2 usage. Call it once, from main, before
// other threads are started: it takes over SIGTERM, SIGINT, SIGPIPE and SIGXFSZ.
int server_main(int argc, char** argv);

}  // namespace eventcollect
