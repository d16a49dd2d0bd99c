# How the rooms in src/ say what is in them.
#
#   eventcollect_sources(TARGET [SOURCES file…] [HEADERS name.hpp…])
#     adds files of this folder, and public headers from include/eventcollect, to a target.
#   eventcollect_component(NAME [SOURCES …] [HEADERS …] [PUBLIC target…] [LIBRARIES target…]
#                          [PACKAGES "package arguments"…])
#     a library eventcollect_NAME above the core, eventcollect::NAME to its users. PACKAGES is what an
#     installed one has to find again: the arguments of find_package, a string each.
#   eventcollect_driver(NAME DEBIAN package… PACKAGES … [further arguments of a component])
#     a component that has the option EVENTCOLLECT_NAME and is part of eventcollect::drivers. It finds its
#     PACKAGES itself; where one is missing the driver is switched off with one line that says so.
#
# What they leave for others, as global properties:
#   eventcollect_components         the components, each after those that it is linked to
#   eventcollect_requirements       code for an installed package: the components that each one needs
#   eventcollect_dependencies       code for an installed package: the packages that each one needs
#   eventcollect_known_drivers      the drivers, those included that are switched off
#   eventcollect_drivers            the drivers that are built
#   eventcollect_libraries_of_NAME  what a driver is linked to

function(eventcollect_sources target)
  cmake_parse_arguments(PARSE_ARGV 1 room "" "" "SOURCES;HEADERS")
  list(TRANSFORM room_SOURCES PREPEND "${CMAKE_CURRENT_SOURCE_DIR}/")
  list(TRANSFORM room_HEADERS PREPEND "${PROJECT_SOURCE_DIR}/include/eventcollect/")
  target_sources(${target} PRIVATE ${room_SOURCES})
  if(room_HEADERS)
    target_sources(${target} PUBLIC FILE_SET HEADERS BASE_DIRS "${PROJECT_SOURCE_DIR}/include"
      FILES ${room_HEADERS})
  endif()
endfunction()

# eventcollect_note_component(NAME [target…]): NAME is to be installed, and is linked to these targets.
function(eventcollect_note_component name)
  set_property(GLOBAL APPEND PROPERTY eventcollect_components ${name})
  set(components ${ARGN})
  list(FILTER components INCLUDE REGEX "^eventcollect_")
  if(components)
    list(TRANSFORM components REPLACE "^eventcollect_" "")
    list(JOIN components " " components)
    set_property(GLOBAL APPEND_STRING PROPERTY eventcollect_requirements
      "set(eventcollect_${name}_requires ${components})\n")
  endif()
endfunction()

function(eventcollect_component name)
  cmake_parse_arguments(PARSE_ARGV 1 component "" "" "SOURCES;HEADERS;PUBLIC;LIBRARIES;PACKAGES")
  set(target eventcollect_${name})
  add_library(${target})
  eventcollect_sources(${target} SOURCES ${component_SOURCES} HEADERS ${component_HEADERS})
  target_link_libraries(${target}
    PUBLIC eventcollect ${component_PUBLIC} PRIVATE fmt::fmt ${component_LIBRARIES})
  eventcollect_library(${target} ${name})
  eventcollect_note_component(${name} ${component_PUBLIC} ${component_LIBRARIES})
  foreach(package IN LISTS component_PACKAGES)
    set_property(GLOBAL APPEND_STRING PROPERTY eventcollect_dependencies
      "  if(\"${name}\" IN_LIST eventcollect_wanted)\n    find_dependency(${package})\n  endif()\n")
  endforeach()
endfunction()

function(eventcollect_driver name)
  cmake_parse_arguments(PARSE_ARGV 1 driver "" "" "DEBIAN;SOURCES;HEADERS;PUBLIC;LIBRARIES;PACKAGES")
  set_property(GLOBAL APPEND PROPERTY eventcollect_known_drivers ${name})
  string(TOUPPER "EVENTCOLLECT_${name}" wanted)
  option(${wanted} "Build the driver ${name}" ON)
  if(NOT ${wanted})
    return()
  endif()
  foreach(package IN LISTS driver_PACKAGES)
    separate_arguments(arguments UNIX_COMMAND "${package}")
    list(GET arguments 0 package_name)
    find_package(${arguments} QUIET GLOBAL)
    if(NOT ${package_name}_FOUND)
      list(JOIN driver_DEBIAN " " debian)
      message(STATUS "eventcollect: ${wanted} is switched off, not found: ${package} (Debian: ${debian})")
      return()
    endif()
  endforeach()
  eventcollect_component(${name} SOURCES ${driver_SOURCES} HEADERS ${driver_HEADERS}
    PUBLIC ${driver_PUBLIC} LIBRARIES ${driver_LIBRARIES} PACKAGES ${driver_PACKAGES})
  set_property(GLOBAL APPEND PROPERTY eventcollect_drivers ${name})
  set_property(GLOBAL PROPERTY eventcollect_libraries_of_${name} ${driver_LIBRARIES})
endfunction()
