# SPDX-License-Identifier: Apache-2.0
# Debian packages: cpack -G DEB in a build tree that was configured with
#   -DBUILD_SHARED_LIBS=ON -DCMAKE_INSTALL_PREFIX=/usr
# makes libmillrace0 (the C library and libmillrace++), libmillrace-dev and millrace-tools. Without BUILD_SHARED_LIBS
# the C++ library is static and in libmillrace-dev.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME millrace)
set(CPACK_PACKAGE_CONTACT "millrace maintainers <maintainers@millrace.invalid>" CACHE STRING "Debian's Maintainer field")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${PROJECT_BINARY_DIR}/runtime ${PROJECT_BINARY_DIR}/runtime/c)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)

set(library libmillrace${PROJECT_VERSION_MAJOR})
set(CPACK_COMPONENTS_ALL development)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME ${library})
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION libs)
set(CPACK_COMPONENT_RUNTIME_DESCRIPTION "Shared libraries.")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libmillrace-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_COMPONENT_DEVELOPMENT_DESCRIPTION "Headers, and what find_package and pkg-config need.")
set(CPACK_DEBIAN_TOOLS_PACKAGE_NAME millrace-tools)
set(CPACK_DEBIAN_TOOLS_PACKAGE_SECTION utils)
set(CPACK_COMPONENT_TOOLS_DESCRIPTION "shmctl: makes, shows, feeds, reads and removes rings.")

# The release of Abseil that the package config requires.
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS "libabsl-dev (>= ${absl_VERSION}), libabsl-dev (<< ${absl_VERSION}.9999)")
if(BUILD_SHARED_LIBS OR MILLRACE_C)
  list(APPEND CPACK_COMPONENTS_ALL runtime)
  string(APPEND CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS ", ${library} (= ${PROJECT_VERSION})")
endif()
if(BUILD_SHARED_LIBS)
  set(CPACK_DEBIAN_TOOLS_PACKAGE_DEPENDS "${library} (= ${PROJECT_VERSION})")
endif()
if(MILLRACE_TOOLS)
  list(APPEND CPACK_COMPONENTS_ALL tools)
endif()

include(GNUInstallDirs)
foreach(component IN LISTS CPACK_COMPONENTS_ALL)
  string(TOUPPER ${component} upper)
  install(FILES ${PROJECT_SOURCE_DIR}/LICENSE COMPONENT ${component} RENAME copyright
          DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${CPACK_DEBIAN_${upper}_PACKAGE_NAME})
endforeach()
include(CPack)
