#!/bin/sh
# Installs what is missing, builds a release and runs every test, or with --fast the tests that need no
# server beside them. Other arguments go to ctest:
#
#   sh tests/run.sh [--fast] [-L LABEL] [-R NAME] …
#   sh tests/run.sh -L long     # kills on and on, for ten minutes
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd -- "$root"

fast=
if [ "${1-}" = --fast ]; then
  fast=yes
  shift
fi

sh cmake/install-packages.sh build test
cmake --preset release
if [ -n "$fast" ]; then
  cmake --build --preset release --target fast_tests
  exec ctest --preset release -L '^(unit|contract|http)$' "$@"
fi
cmake --build --preset release

# Firefox and WebKit are for those who ask, as -L browsers does, and for CI.
if [ $# -eq 0 ] && [ -z "${CI-}" ]; then
  set -- -E '^browsers[.](firefox|webkit)[.]'
fi

# What takes long is a configuration of its own, for those who name it.
case " $* " in
  *' -L long '*) set -- "$@" -C long ;;
esac

# Starts the servers that tests talk to, and ends them with ctest.
exec python3 tests/services.py with ctest --preset release "$@"
