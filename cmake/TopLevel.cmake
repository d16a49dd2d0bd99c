# What only the project's own build decides; a host project decides it for itself.

if(NOT PROJECT_IS_TOP_LEVEL)
  return()
endif()

set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")

# Overflows end a program where they can be seen, its addresses are random, and the tables that a call goes
# through are read-only. tests/packaging/hardening.py proves it.
if(CMAKE_CXX_COMPILER_ID MATCHES "GNU|Clang")
  add_compile_options(-fstack-protector-strong)
  add_link_options(LINKER:-z,relro LINKER:-z,now)
  # It needs an optimizer, and a sanitizer has checks of its own. A packager's choice stays.
  string(TOUPPER "CMAKE_CXX_FLAGS_${CMAKE_BUILD_TYPE}" flags)
  set(flags "${CMAKE_CXX_FLAGS} ${${flags}}")
  if(flags MATCHES "-O[1-3s]" AND NOT flags MATCHES "_FORTIFY_SOURCE" AND NOT EVENTCOLLECT_SANITIZE)
    add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
  endif()
endif()

# The presets set CCACHE_BASEDIR and CCACHE_NOHASHDIR, so that a clone in another folder hits too. A build
# folder keeps its first answer: a new launcher is a new command, and everything would be compiled again.
if(NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
  if(NOT DEFINED CACHE{EVENTCOLLECT_CCACHE})
    find_program(EVENTCOLLECT_CCACHE ccache)
    mark_as_advanced(EVENTCOLLECT_CCACHE)
  endif()
  if(EVENTCOLLECT_CCACHE)
    # It looks at no times, and knows what is in a precompiled header by the header's hash.
    set(CMAKE_CXX_COMPILER_LAUNCHER
      "${CMAKE_COMMAND};-E;env;CCACHE_SLOPPINESS=pch_defines,time_macros;${EVENTCOLLECT_CCACHE}")
  endif()
endif()
