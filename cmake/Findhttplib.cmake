# Finds cpp-httplib as the target httplib::httplib: by its own CMake package where there is one,
# else by pkg-config (Debian splits it into a header and a library and ships no CMake package).
# Installed beside eventcollectConfig.cmake, which needs it for the component httplib.

find_package(httplib CONFIG QUIET)
if(NOT TARGET httplib::httplib)
  find_package(PkgConfig QUIET)
  if(PkgConfig_FOUND)
    pkg_check_modules(httplib QUIET IMPORTED_TARGET cpp-httplib)
    if(TARGET PkgConfig::httplib)
      add_library(httplib::httplib INTERFACE IMPORTED)
      target_link_libraries(httplib::httplib INTERFACE PkgConfig::httplib)
    endif()
  endif()
endif()

set(httplib_target httplib::httplib)
if(NOT TARGET httplib::httplib)
  set(httplib_target "")
endif()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(httplib
  REQUIRED_VARS httplib_target
  VERSION_VAR httplib_VERSION)
unset(httplib_target)
