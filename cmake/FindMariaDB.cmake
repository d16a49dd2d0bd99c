# Finds MariaDB's client library, which speaks to MySQL too, as the target MariaDB::MariaDB, by pkg-config.
# Installed beside eventcollectConfig.cmake, which needs it for the component mysql.

find_package(PkgConfig QUIET)
if(PkgConfig_FOUND)
  pkg_check_modules(MariaDB QUIET IMPORTED_TARGET libmariadb)
  if(TARGET PkgConfig::MariaDB AND NOT TARGET MariaDB::MariaDB)
    add_library(MariaDB::MariaDB INTERFACE IMPORTED)
    target_link_libraries(MariaDB::MariaDB INTERFACE PkgConfig::MariaDB)
  endif()
endif()

set(MariaDB_target MariaDB::MariaDB)
if(NOT TARGET MariaDB::MariaDB)
  set(MariaDB_target "")
endif()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(MariaDB
  REQUIRED_VARS MariaDB_target
  VERSION_VAR MariaDB_VERSION)
unset(MariaDB_target)
