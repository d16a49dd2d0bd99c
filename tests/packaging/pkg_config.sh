#!/bin/sh
# Proves that a plain compiler and pkg-config are enough to build against the installed core, with
# and without --static, and that both name the same version.
#
#   pkg_config.sh BUILD
set -eu
build=$1

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

cmake --install "$build" --prefix "$tmp/prefix" >/dev/null
PKG_CONFIG_PATH=$(dirname "$(find "$tmp/prefix" -name eventcollect.pc)")
export PKG_CONFIG_PATH

for static in '' --static; do
  # shellcheck disable=SC2046 # flags are words
  "$CXX" -std=c++20 consumer.cpp -o "$tmp/consumer" \
    $(pkg-config $static --cflags --libs eventcollect)
  version=$(LD_LIBRARY_PATH="$PKG_CONFIG_PATH/.." "$tmp/consumer" | head -n 1)
  if [ "$version" != "$(pkg-config --modversion eventcollect)" ]; then
    echo "the program says version '$version', pkg-config says otherwise" >&2
    exit 1
  fi
done
