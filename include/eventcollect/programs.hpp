// The three programs behind the server as functions, for a program of your own that adds a sink, a
// source or a store.
//
//   int main(int argc, char** argv) {
//     eventcollect::register_source("myqueue", open_my_queue);
//     eventcollect::enable_dir();
//     return eventcollect::archive_main(argc, argv);  // --from myqueue:events --to dir:archive
//   }
#pragma once

namespace eventcollect {

// Each runs its program with these arguments (see `--help`) to its end, or until SIGTERM or SIGINT.
// Returns the exit status: 0 done, 1 failed, 2 wrong usage. Call one, once, from main, before other
// threads are started: it takes over all signals that would end the process before its work is
// done.

// eventcollect-archive: a pump from a queue to raw objects (pump.hpp, objects.hpp), or from any
// source to any sink.
int archive_main(int argc, char** argv);

// eventcollect-compact: see compact.hpp.
int compact_main(int argc, char** argv);

// eventcollect-load: see load.hpp.
int load_main(int argc, char** argv);

}  // namespace eventcollect
