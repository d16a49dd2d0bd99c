# Install rules: one export set for each component, so that a consumer of the core alone does not
# need the libraries of the others.

include(CMakePackageConfigHelpers)
set(eventcollect_cmake_dir "${CMAKE_INSTALL_LIBDIR}/cmake/eventcollect")

# Shared libraries find each other, and the programs find them, wherever the prefix is moved to.
function(eventcollect_install_rpath target from)
  if(BUILD_SHARED_LIBS)
    set_target_properties(${target} PROPERTIES INSTALL_RPATH "${from}")
  endif()
endfunction()

function(eventcollect_install_component target name)
  eventcollect_install_rpath(${target} "$ORIGIN")
  install(TARGETS ${target} EXPORT eventcollect-${name}
    FILE_SET HEADERS)
  install(EXPORT eventcollect-${name}
    NAMESPACE eventcollect::
    FILE eventcollect-${name}.cmake
    DESTINATION "${eventcollect_cmake_dir}")
endfunction()

eventcollect_install_component(eventcollect core)
get_property(eventcollect_components GLOBAL PROPERTY eventcollect_components)
get_property(eventcollect_requirements GLOBAL PROPERTY eventcollect_requirements)
get_property(eventcollect_dependencies GLOBAL PROPERTY eventcollect_dependencies)
foreach(name IN LISTS eventcollect_components)
  eventcollect_install_component(eventcollect_${name} ${name})
endforeach()
install(FILES cmake/Findhttplib.cmake cmake/FindMariaDB.cmake cmake/FindProton.cmake
  DESTINATION "${eventcollect_cmake_dir}")

configure_package_config_file(cmake/eventcollectConfig.cmake.in
  "${PROJECT_BINARY_DIR}/eventcollectConfig.cmake"
  INSTALL_DESTINATION "${eventcollect_cmake_dir}"
  NO_SET_AND_CHECK_MACRO)
# Before 1.0 a new minor version may break callers.
write_basic_package_version_file("${PROJECT_BINARY_DIR}/eventcollectConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES
  "${PROJECT_BINARY_DIR}/eventcollectConfig.cmake"
  "${PROJECT_BINARY_DIR}/eventcollectConfigVersion.cmake"
  DESTINATION "${eventcollect_cmake_dir}")

# pkg-config: whoever links an archive links what it needs too, so a static build lists it openly
# and `pkg-config --libs eventcollect` is enough; a shared one keeps it private.
if(BUILD_SHARED_LIBS)
  set(eventcollect_pc_private ".private")
  set(eventcollect_pc_libs "-leventcollect\nLibs.private: -pthread")
else()
  set(eventcollect_pc_private "")
  set(eventcollect_pc_libs "-leventcollect -pthread")
endif()
file(RELATIVE_PATH eventcollect_pc_prefix "/${CMAKE_INSTALL_LIBDIR}/pkgconfig/" "/.")
configure_file(cmake/eventcollect.pc.in "${PROJECT_BINARY_DIR}/eventcollect.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/eventcollect.pc"
  DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")

foreach(program IN ITEMS
    eventcollect-server eventcollect-minimal-server
    eventcollect-archive eventcollect-compact eventcollect-load)
  if(TARGET ${program})
    file(RELATIVE_PATH libraries "/${CMAKE_INSTALL_BINDIR}/" "/${CMAKE_INSTALL_LIBDIR}/.")
    eventcollect_install_rpath(${program} "$ORIGIN/${libraries}")
    install(TARGETS ${program})
  endif()
endforeach()
# For bundlers; servers have the client in the library.
set(eventcollect_client_files
  client.min.js eventcollect.d.ts eventcollect.mjs package.json server.mjs)
list(TRANSFORM eventcollect_client_files PREPEND "${PROJECT_SOURCE_DIR}/src/client/")
install(FILES ${eventcollect_client_files}
  DESTINATION "${CMAKE_INSTALL_DATADIR}/eventcollect/client")
install(FILES LICENSE DESTINATION "${CMAKE_INSTALL_DOCDIR}")
