# Finds what is linked; each driver finds its own (Components.cmake). Versions are compared here, not in
# find_package: simdjson's package accepts no other minor version than its own.

list(APPEND CMAKE_MODULE_PATH "${CMAKE_CURRENT_LIST_DIR}")

function(eventcollect_require_version package version debian)
  if(${package}_VERSION AND ${package}_VERSION VERSION_LESS version)
    message(FATAL_ERROR
      "eventcollect needs ${package} ${version} or newer (Debian: ${debian}), "
      "but found ${${package}_VERSION}")
  endif()
endfunction()

# Switches `option` off, with one line that says so, where `missing` names anything.
macro(eventcollect_needs option missing)
  if(${option} AND NOT "${missing}" STREQUAL "")
    message(STATUS "eventcollect: ${option} is switched off, not found:${missing}")
    set(${option} OFF)
  endif()
endmacro()

find_package(Threads REQUIRED)
find_package(simdjson CONFIG REQUIRED)
eventcollect_require_version(simdjson 3.0 libsimdjson-dev)
find_package(fmt CONFIG REQUIRED)
eventcollect_require_version(fmt 9 libfmt-dev)
find_package(ZLIB REQUIRED)

# Gzip of objects at about four times zlib's rate, where it is there.
find_package(PkgConfig QUIET)
if(PkgConfig_FOUND)
  pkg_check_modules(ISAL QUIET IMPORTED_TARGET libisal)
endif()
if(NOT ISAL_FOUND)
  message(STATUS "eventcollect: objects are gzipped by zlib, not found: ISA-L (Debian: libisal-dev)")
endif()

if(EVENTCOLLECT_HTTPLIB)
  find_package(httplib MODULE QUIET)
  set(missing "")
  if(NOT httplib_FOUND OR httplib_VERSION VERSION_LESS 0.11)
    string(APPEND missing " cpp-httplib >= 0.11 (Debian: libcpp-httplib-dev)")
  endif()
  eventcollect_needs(EVENTCOLLECT_HTTPLIB "${missing}")
endif()

if(EVENTCOLLECT_SERVER)
  find_package(CLI11 CONFIG QUIET)
  find_package(prometheus-cpp CONFIG QUIET)
  set(missing "")
  if(NOT CLI11_FOUND)
    string(APPEND missing " CLI11 (Debian: libcli11-dev)")
  endif()
  if(NOT prometheus-cpp_FOUND)
    string(APPEND missing " prometheus-cpp (Debian: prometheus-cpp-dev)")
  endif()
  eventcollect_needs(EVENTCOLLECT_SERVER "${missing}")
endif()
unset(missing)
