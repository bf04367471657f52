#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the shared library and shmctl. The tests of the library and of the packages use one build tree.
# usage: build_shared.sh SOURCE BUILD
set -euo pipefail
source=$1 build=$2
mkdir -p "$build"
exec 9>"$build/lock"
flock 9
cmake -S "$source" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=ON -DCMAKE_INSTALL_PREFIX=/usr \
  -DMILLRACE_EXAMPLES=OFF -DMILLRACE_BENCHES=OFF -DCMAKE_SKIP_INSTALL_ALL_DEPENDENCY=ON -DCMAKE_VERIFY_INTERFACE_HEADER_SETS=ON \
  >"$build/log" 2>&1 || { cat "$build/log"; exit 1; }
cmake --build "$build" --target millrace millrace_c shmctl >"$build/log" || { cat "$build/log"; exit 1; }
