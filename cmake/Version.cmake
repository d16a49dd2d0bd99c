# Reads the version from the header that is its one place.

file(STRINGS "${CMAKE_CURRENT_LIST_DIR}/../include/eventcollect/version.hpp" lines
  REGEX "^#define EVENTCOLLECT_VERSION_(MAJOR|MINOR|PATCH) [0-9]+$")
string(REGEX REPLACE "[^0-9;]" "" numbers "${lines}")
list(JOIN numbers "." eventcollect_header_version)
if(NOT eventcollect_header_version MATCHES "^[0-9]+\\.[0-9]+\\.[0-9]+$")
  message(FATAL_ERROR "eventcollect: no version in include/eventcollect/version.hpp")
endif()
