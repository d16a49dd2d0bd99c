#!/bin/sh
# Installs what is missing, builds eventcollect-server and runs it here with the given arguments:
#
#   sh examples/run.sh [--listen HOST:PORT] [--to URL] …
#
# It serves the demo page on http://127.0.0.1:8080 and, where none of them is about --admin or
# --live, the live page on http://127.0.0.1:8081/live, and writes events under events/.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)

sh "$root/cmake/install-packages.sh" build
(
  cd -- "$root"
  # Once it is configured, the build notices by itself what has changed.
  [ -f build/release/build.ninja ] || cmake --preset server
  cmake --build --preset server --target eventcollect-server
) </dev/null >&2

case " $*" in
  *' --admin'* | *' --live'*) ;;
  *) set -- --admin "${EVENTCOLLECT_ADMIN:-127.0.0.1:8081}" --live "$@" ;;
esac
exec "$root/build/release/bin/eventcollect-server" "$@"
