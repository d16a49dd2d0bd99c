# Finds the C engine of Qpid Proton as the target Proton::Proton. Debian ships no CMake package, and a
# pkg-config file whose folders do not exist. Installed beside eventcollectConfig.cmake, which needs it for
# the component amqp1.

find_path(Proton_INCLUDE_DIR proton/connection_driver.h)
find_library(Proton_LIBRARY NAMES qpid-proton-core qpid-proton)
mark_as_advanced(Proton_INCLUDE_DIR Proton_LIBRARY)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Proton REQUIRED_VARS Proton_LIBRARY Proton_INCLUDE_DIR)
if(Proton_FOUND AND NOT TARGET Proton::Proton)
  add_library(Proton::Proton UNKNOWN IMPORTED)
  set_target_properties(Proton::Proton PROPERTIES
    IMPORTED_LOCATION "${Proton_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${Proton_INCLUDE_DIR}")
endif()
