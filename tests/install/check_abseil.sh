#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# If Abseil is not the one that millrace was built with, find_package(millrace) must say so in one sentence.
# usage: check_abseil.sh PREFIX WORK
set -euo pipefail
prefix=$1 work=$2
here=$(cd "$(dirname "$0")" && pwd)

# Makes a stand-in for Abseil's package with this release and inline namespace, which must be refused.
refused() { # RELEASE NAMESPACE
  local fake=$work/absl-$1-$2 output
  rm -rf "$fake"
  mkdir -p "$fake/include/absl/base"
  cat >"$fake/include/absl/base/options.h" <<EOF
#define ABSL_OPTION_USE_INLINE_NAMESPACE 1
#define ABSL_OPTION_INLINE_NAMESPACE_NAME $2
EOF
  cat >"$fake/abslConfig.cmake" <<'EOF'
foreach(name status statusor strings str_format)
  add_library(absl::${name} INTERFACE IMPORTED)
  set_target_properties(absl::${name} PROPERTIES INTERFACE_INCLUDE_DIRECTORIES ${CMAKE_CURRENT_LIST_DIR}/include)
endforeach()
EOF
  echo "set(PACKAGE_VERSION $1)" >"$fake/abslConfigVersion.cmake"
  if output=$(cmake -S "$here/outside" -B "$fake/build" -G Ninja "-DCMAKE_PREFIX_PATH=$prefix" "-Dabsl_DIR=$fake" 2>&1); then
    echo "FAILED: Abseil $1 in namespace $2 was accepted" >&2
    exit 1
  fi
  output=$(tr -s ' \n' ' ' <<<"$output")
  if [[ $output != *"millrace was built with Abseil "*", but find_package(absl) found $1 in namespace $2"* ]]; then
    echo "FAILED: Abseil $1 in namespace $2 was refused without saying why: $output" >&2
    exit 1
  fi
}

built_with=$(sed -nE 's/.*STREQUAL "([0-9]+) in namespace (.*)"\).*/\1 \2/p' "$prefix"/lib*/cmake/millrace/millraceConfig.cmake)
read -r release namespace <<<"$built_with"
refused 20300401 "$namespace"
refused "$release" lts_another
echo "another Abseil than $release in namespace $namespace is refused"
