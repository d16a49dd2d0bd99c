#!/bin/sh
# Installs what is missing, builds a release and runs every test. Arguments go to ctest:
#
#   sh tests/run.sh [-L unit] [-R NAME] …
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd -- "$root"

sh cmake/install-packages.sh build test
cmake --preset release
cmake --build --preset release

# Servers that tests talk to are started here, and stopped by a trap.

ctest --preset release "$@"
