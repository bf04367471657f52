#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The header and the tests compile with gcc and clang, as C11, C17 and C++17, and the result runs.
# usage: compilers_test.sh WORK SOURCE LIBRARY PEER
set -euo pipefail
work=$1 source=$2 library=$3 peer=$4
rm -rf "$work"
mkdir -p "$work"

runs=0
for compiler in gcc clang; do
  command -v "$compiler" >/dev/null || { echo "FAILED: $compiler is missing" >&2; exit 1; }
  for standard in c11 c17 c++17; do
    language=c
    [[ $standard == c++17 ]] && language=c++
    "$compiler" -x "$language" "-std=$standard" -Wall -Wextra -Wpedantic -Werror -I"$source/include" \
      "$source"/tests/c/*.c -x none "$library" "-Wl,-rpath,$(dirname "$library")" -pthread \
      -o "$work/$compiler-$standard"
    for name in messages growth wait_set; do
      "$work/$compiler-$standard" "$peer" "$name" >"$work/log" || { cat "$work/log"; echo "FAILED: $compiler $standard $name" >&2; exit 1; }
      runs=$((runs + 1))
    done
    echo "$compiler -std=$standard: compiles without a warning and runs"
  done
done
((runs == 18)) || { echo "FAILED: $runs runs" >&2; exit 1; }
