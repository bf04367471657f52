#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage: build_packages.sh SOURCE BUILD PACKAGES
set -euo pipefail
source=$1 build=$2 packages=$3
bash "$(dirname "$0")/build_shared.sh" "$source" "$build"
exec 9>"$build/lock"
flock 9
(cd "$build" && cpack -G DEB -B "$packages" >cpack.log 2>&1) || { cat "$build/cpack.log"; exit 1; }
rm -rf "$packages/_CPack_Packages"
