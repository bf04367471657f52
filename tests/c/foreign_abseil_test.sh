#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A program that has an Abseil of its own uses libmillrace.so. Each function of that Abseil ends the program, so a
# single call of the library into it would show. The program defines every name of Abseil that the sources of
# millrace use or define: with the real Abseil's inline namespace and with the stand-in's.
# usage: foreign_abseil_test.sh WORK SOURCE C-LIBRARY CXX-LIBRARY
set -euo pipefail
work=$1 source=$2 library=$3 cxx_library=$4
rm -rf "$work"
mkdir -p "$work"

mapfile -t names < <({ nm "$library"; nm "$cxx_library"; } 2>/dev/null |
  awk '$NF ~ /^_Z/ && $NF ~ /4absl/ && $NF !~ /^_ZN?K?8millrace/ { print $NF }' | sort -u)
((${#names[@]} > 20)) || { echo "FAILED: only ${#names[@]} names of Abseil were found" >&2; exit 1; }
{
  echo '.text'
  for name in "${names[@]}"; do
    printf '.globl %s\n.type %s, @function\n%s: ud2\n' "$name" "$name" "$name"
  done
  echo '.section .note.GNU-stack,"",@progbits'
} >"$work/conflict.s"
gcc -std=c11 -Wall -Werror -I"$source/include" "$source/tests/c/foreign/main.c" "$work/conflict.s" "$library" \
  "-Wl,-rpath,$(dirname "$library")" -rdynamic -o "$work/foreign"
shown=$(nm -D --defined-only "$work/foreign" | grep -c 4absl)
((shown == ${#names[@]})) || { echo "FAILED: $shown of ${#names[@]} names would be preferred to the library's" >&2; exit 1; }
"$work/foreign"

# The check must be able to fail: a library that calls into an Abseil and does not contain it.
echo 'void _ZN4absl6conflictEv(void); void call(void) { _ZN4absl6conflictEv(); }' |
  gcc -x c -shared -fPIC - -o "$work/libplanted.so"
printf '.globl _ZN4absl6conflictEv\n_ZN4absl6conflictEv: ud2\n.section .note.GNU-stack,"",@progbits\n' >"$work/planted.s"
echo 'void call(void); int main(void) { call(); }' |
  gcc -x c - -x assembler "$work/planted.s" -x none "$work/libplanted.so" "-Wl,-rpath,$work" -rdynamic -o "$work/planted"
if bash -c 'ulimit -c 0; "$1"' - "$work/planted" 2>/dev/null; then
  echo "FAILED: a planted call into the program's Abseil was not seen" >&2
  exit 1
fi
echo "${#names[@]} conflicting names of Abseil in the program, and none was called"
