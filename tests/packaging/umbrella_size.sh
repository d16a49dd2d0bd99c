#!/bin/sh
# Proves that including the umbrella header stays cheap. Time varies from machine to machine, so
# what is bounded is the amount of text that the compiler reads.
#
#   umbrella_size.sh INCLUDE_FOLDER
set -eu
bound=62000

lines=$(echo '#include <eventcollect/eventcollect.hpp>' |
  "$CXX" -std=c++20 -I "$1" -x c++ -E -P - | wc -l)
echo "eventcollect/eventcollect.hpp: $lines lines after preprocessing, at most $bound"
[ "$lines" -gt 1000 ] && [ "$lines" -le "$bound" ]
