# Finds what is linked. Versions are compared here, not in find_package: simdjson's package accepts
# no other minor version than its own.

list(APPEND CMAKE_MODULE_PATH "${CMAKE_CURRENT_LIST_DIR}")

function(eventcollect_require_version package version debian)
  if(${package}_VERSION AND ${package}_VERSION VERSION_LESS version)
    message(FATAL_ERROR
      "eventcollect needs ${package} ${version} or newer (Debian: ${debian}), "
      "but found ${${package}_VERSION}")
  endif()
endfunction()

find_package(Threads REQUIRED)
find_package(simdjson CONFIG REQUIRED)
eventcollect_require_version(simdjson 3.0 libsimdjson-dev)
find_package(fmt CONFIG REQUIRED)
eventcollect_require_version(fmt 9 libfmt-dev)
find_package(ZLIB REQUIRED)

if(EVENTCOLLECT_SERVER)
  find_package(httplib MODULE QUIET)
  find_package(CLI11 CONFIG QUIET)
  find_package(prometheus-cpp CONFIG QUIET)

  set(missing "")
  if(NOT httplib_FOUND OR httplib_VERSION VERSION_LESS 0.11)
    string(APPEND missing " cpp-httplib >= 0.11 (Debian: libcpp-httplib-dev)")
  endif()
  if(NOT CLI11_FOUND)
    string(APPEND missing " CLI11 (Debian: libcli11-dev)")
  endif()
  if(NOT prometheus-cpp_FOUND)
    string(APPEND missing " prometheus-cpp (Debian: prometheus-cpp-dev)")
  endif()
  if(missing)
    message(STATUS "eventcollect: EVENTCOLLECT_SERVER is switched off, not found:${missing}")
    set(EVENTCOLLECT_SERVER OFF)
  endif()
endif()

# Switches the driver `option` off, with one line that says so, where its library is missing.
function(eventcollect_driver_needs option found what)
  if(${option} AND NOT found)
    message(STATUS "eventcollect: ${option} is switched off, not found: ${what}")
    set(${option} OFF PARENT_SCOPE)
  endif()
endfunction()

if(EVENTCOLLECT_POSTGRES)
  find_package(PostgreSQL QUIET)
  eventcollect_driver_needs(EVENTCOLLECT_POSTGRES "${PostgreSQL_FOUND}" "libpq (Debian: libpq-dev)")
endif()
if(EVENTCOLLECT_SQLITE)
  find_package(SQLite3 QUIET)
  eventcollect_driver_needs(EVENTCOLLECT_SQLITE "${SQLite3_FOUND}" "SQLite (Debian: libsqlite3-dev)")
endif()
if(EVENTCOLLECT_AMQP)
  find_package(rabbitmq-c CONFIG QUIET)
  eventcollect_driver_needs(EVENTCOLLECT_AMQP "${rabbitmq-c_FOUND}"
    "librabbitmq >= 0.11 (Debian: librabbitmq-dev)")
endif()
