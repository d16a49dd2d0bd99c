#!/bin/sh
# Proves that the installed package is enough: a project that knows nothing but
# find_package(eventcollect) configures, builds and runs, after the prefix was moved.
#
#   find_package.sh BUILD SOURCE CONSUMER      CONSUMER: core, drivers or server, a folder beside this
set -eu
build=$1 source=$2 consumer=$3

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

cmake --install "$build" --prefix "$tmp/installed" >/dev/null
mv "$tmp/installed" "$tmp/prefix"

if grep -rIl -e "$build" -e "$source" -e "$tmp/installed" "$tmp/prefix"; then
  echo "the files above name the folder they were built in" >&2
  exit 1
fi
ls "$source/include/eventcollect" >"$tmp/have"
ls "$tmp/prefix/include/eventcollect" >"$tmp/installed_headers"
if [ "$consumer" = server ] && ! diff "$tmp/have" "$tmp/installed_headers"; then
  echo "public headers and installed headers differ" >&2
  exit 1
fi

cmake -G Ninja -S "$consumer" -B "$tmp/build" -DCMAKE_PREFIX_PATH="$tmp/prefix"
cmake --build "$tmp/build"
"$tmp/build/consumer" --help
