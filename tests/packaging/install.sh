#!/bin/sh
# Proves that what a preset builds is what it installs, although it builds no tests.
#
#   install.sh BUILD SOURCE PRESET
set -eu
build=$1 source=$2 preset=$3

# Beside the other build folder, where ccache knows the sources again.
tmp=$(mktemp -d "$(dirname "$build")/install.XXXXXX")
trap 'rm -rf "$tmp"' EXIT

export CCACHE_BASEDIR="$source" CCACHE_NOHASHDIR=true # as the preset says
cd -- "$source"
cmake --preset "$preset" -B "$tmp" -DCMAKE_CXX_COMPILER="$CXX"
# `cmake --build --preset` takes no other folder: so with the targets that the preset names.
targets=$(python3 -c '
import json, sys
presets = json.load(open("CMakePresets.json"))["buildPresets"]
preset = next(one for one in presets if one["name"] == sys.argv[1])
print(*preset.get("targets", ["all"]))' "$preset")
# shellcheck disable=SC2086 # names of targets are words
cmake --build "$tmp" --target $targets
cmake --install "$tmp" --prefix "$tmp/prefix" >/dev/null

for program in server minimal-server archive compact load; do
  if ! [ -x "$tmp/prefix/bin/eventcollect-$program" ]; then
    echo "eventcollect-$program is not installed" >&2
    exit 1
  fi
done
