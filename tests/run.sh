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

# Starts the servers that tests talk to, and ends them with ctest.
exec python3 tests/services.py with ctest --preset release "$@"
