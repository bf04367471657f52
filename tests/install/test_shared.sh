#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the shared library, installs it, moves the installed tree, and uses it from outside. Public headers
# must compile alone, and the library must export only the API.
# usage: test_shared.sh SOURCE BUILD WORK COMPILER...       (BUILD: of its own, kept for the next time)
set -euo pipefail
source=$1 build=$2 work=$3
shift 3
here=$(cd "$(dirname "$0")" && pwd)
rm -rf "$work"
mkdir -p "$work"

bash "$here/build_shared.sh" "$source" "$build"
cmake --build "$build" --target all_verify_interface_header_sets >"$work/log" || { cat "$work/log"; exit 1; }
verified=$(find "$build/runtime/CMakeFiles/millrace_verify_interface_header_sets.dir" -name '*.o' | wc -l)
headers=$(find -L "$source/include" -name '*.h' | wc -l)
((verified == headers)) || { echo "FAILED: of $headers headers $verified were compiled alone" >&2; exit 1; }
echo "$verified headers stand alone"

bash "$here/check_symbols.sh" "$build/runtime/libmillrace++.so"
cmake --install "$build" --prefix "$work/first" >"$work/log" || { cat "$work/log"; exit 1; }
bash "$here/check_moved.sh" "$work/first" "$work/moved" "$build"
bash "$here/use_outside.sh" "$work/moved" shared "$work" "$@"
