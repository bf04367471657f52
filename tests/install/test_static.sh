#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs the static library from this build tree, moves the installed tree, and uses it from outside.
# usage: test_static.sh BUILD WORK COMPILER...
set -euo pipefail
build=$1 work=$2
shift 2
here=$(cd "$(dirname "$0")" && pwd)
rm -rf "$work"
mkdir -p "$work"

cmake --install "$build" --prefix "$work/first" >"$work/log" || { cat "$work/log"; exit 1; }
bash "$here/check_moved.sh" "$work/first" "$work/moved" "$build"
bash "$here/use_outside.sh" "$work/moved" static "$work" "$@"
bash "$here/check_abseil.sh" "$work/moved" "$work"
