# SPDX-License-Identifier: Apache-2.0
# Installs the library for find_package(millrace) and for pkg-config. No installed file contains the path of the
# installation, so the tree can be moved afterwards.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
include(cmake/millraceAbseil.cmake)

# The installed files for find_package and pkg-config name the Abseil with which millrace was built.
if(NOT absl_FOUND)
  message(FATAL_ERROR "MILLRACE_INSTALL is ON, but Abseil is a part of this build and not an installed package, which "
                      "an installed millrace needs; set MILLRACE_INSTALL to OFF, or install Abseil and take it by find_package(absl)")
endif()

install(TARGETS millrace EXPORT millraceTargets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime NAMELINK_COMPONENT development
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development
  FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development
  INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})

if(MILLRACE_C)
  install(TARGETS millrace_c
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime NAMELINK_COMPONENT development)
endif()

set(MILLRACE_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/millrace)
millrace_abseil_of(absl::status MILLRACE_ABSEIL)
configure_package_config_file(cmake/millraceConfig.cmake.in millraceConfig.cmake
  INSTALL_DESTINATION ${MILLRACE_CMAKE_DIR} NO_SET_AND_CHECK_MACRO NO_CHECK_REQUIRED_COMPONENTS_MACRO)
write_basic_package_version_file(millraceConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(EXPORT millraceTargets NAMESPACE millrace:: DESTINATION ${MILLRACE_CMAKE_DIR} COMPONENT development)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/millraceConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/millraceConfigVersion.cmake
              ${CMAKE_CURRENT_SOURCE_DIR}/cmake/millraceAbseil.cmake
        DESTINATION ${MILLRACE_CMAKE_DIR} COMPONENT development)

# Programs that link a static library also link the libraries it needs. A shared library brings them along.
# "-lmillrace" would find libmillrace.so, the C interface.
set(MILLRACE_PC_LIBRARY "-l:libmillrace.a")
set(MILLRACE_PC_REQUIRES "absl_status = ${absl_VERSION}, absl_statusor = ${absl_VERSION}")
if(BUILD_SHARED_LIBS)
  set(MILLRACE_PC_LIBRARY "-lmillrace++")
else()
  string(APPEND MILLRACE_PC_REQUIRES ", absl_strings = ${absl_VERSION}, absl_str_format = ${absl_VERSION}")
endif()
file(RELATIVE_PATH MILLRACE_PC_TO_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" MILLRACE_PC_TO_PREFIX ${MILLRACE_PC_TO_PREFIX})
foreach(name millrace millrace-c)
  if(name STREQUAL "millrace-c" AND NOT MILLRACE_C)
    continue()
  endif()
  configure_file(cmake/${name}.pc.in ${name}.pc @ONLY)
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/${name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig
          COMPONENT development)
endforeach()

# The comments in the headers cite these pages.
install(DIRECTORY ${PROJECT_SOURCE_DIR}/runtime/protocol DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT development)
