#!/bin/sh
# Proves that the source folder can be a part of somebody's project: it builds, and brings none of
# its tests, programs, flags or install rules along (add_subdirectory/CMakeLists.txt checks).
#
#   add_subdirectory.sh SOURCE
set -eu
source=$1

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

cmake -G Ninja -S add_subdirectory -B "$tmp/build" -DEVENTCOLLECT_FOLDER="$source"
cmake --build "$tmp/build"
"$tmp/build/consumer"

cmake --install "$tmp/build" --prefix "$tmp/prefix" >/dev/null
if [ -e "$tmp/prefix" ]; then
  echo "installed with the host project:" >&2
  find "$tmp/prefix" -type f >&2
  exit 1
fi
