#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the outside project against an installed millrace, with find_package and with pkg-config, and runs it.
#
# usage: use_outside.sh PREFIX static|shared WORK COMPILER...
#
# If PREFIX is "/usr", millrace is installed in the system and the build gets no path to it.
set -euo pipefail
prefix=$1 kind=$2 work=$3
shift 3
here=$(cd "$(dirname "$0")" && pwd)

libdir=$(dirname "$(find "$prefix/lib" -path '*pkgconfig/millrace.pc' -print -quit)")/..
libdir=$(realpath "$libdir")
where=()
library_path=()
if [[ $prefix != /usr ]]; then
  where=("-DCMAKE_PREFIX_PATH=$prefix")
  library_path=("LD_LIBRARY_PATH=$libdir")
  export PKG_CONFIG_PATH=$libdir/pkgconfig
fi
trap 'rm -f /dev/shm/outside-$$-*' EXIT
launcher=$(command -v ccache || true)

# Checks that the executable loads the expected library.
check_linkage() { # EXECUTABLE [ENVIRONMENT...]
  local found
  found=$(env "${@:2}" ldd "$1" | grep -F libmillrace || true)
  case $kind in
    static) [[ -z $found ]] || { echo "FAILED: $1 is linked with $found" >&2; exit 1; } ;;
    shared) [[ $found == *"libmillrace++.so.0 => $libdir/"* || $found == *"libmillrace++.so.0 => ${libdir#/usr}/"* ]] ||
      { echo "FAILED: $1 should be linked with $libdir/libmillrace++.so.0, but: $found" >&2; exit 1; } ;;
  esac
}

run() { # EXECUTABLE [ENVIRONMENT...]
  local executable=$1 ring="outside-$$-$RANDOM" reader output
  shift
  check_linkage "$executable" "$@"
  env "$@" timeout 60 "$executable" read "$ring" >"$work/output" &
  reader=$!
  env "$@" timeout 60 "$executable" publish "$ring" || { kill "$reader" 2>/dev/null; exit 1; }
  wait "$reader"
  output=$(<"$work/output")
  [[ $output == "outside: 100000 messages" ]] || { echo "FAILED: the reader said: $output" >&2; exit 1; }
}

for compiler in "$@"; do
  command -v "$compiler" >/dev/null || { echo "$compiler is missing" >&2; exit 1; }
  build=$work/$kind-$compiler
  rm -rf "$build"
  mkdir -p "$build"

  cmake -S "$here/outside" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_COMPILER="$compiler" \
    ${launcher:+-DCMAKE_CXX_COMPILER_LAUNCHER="$launcher"} "${where[@]}" >"$build/log" || { cat "$build/log"; exit 1; }
  cmake --build "$build" >"$build/log" || { cat "$build/log"; exit 1; }
  run "$build/outside"
  echo "$kind, $compiler, find_package: ok"

  read -ra cflags < <(pkg-config --cflags millrace)
  read -ra libs < <(pkg-config --libs millrace)
  $launcher "$compiler" -std=c++20 -O2 "${cflags[@]}" -c "$here/outside/outside.cc" -o "$build/outside.o"
  "$compiler" "$build/outside.o" "${libs[@]}" -o "$build/outside_pc"
  run "$build/outside_pc" "${library_path[@]}"
  echo "$kind, $compiler, pkg-config: ok"
done

# The C interface, with its own pkg-config file.
read -ra cflags < <(pkg-config --cflags millrace-c)
read -ra libs < <(pkg-config --libs millrace-c)
gcc -std=c11 -Wall -Wextra -Werror "${cflags[@]}" "$here/../c/foreign/main.c" "${libs[@]}" -o "$work/in_c"
env "${library_path[@]}" timeout 60 "$work/in_c" >"$work/output" || { echo "FAILED: the program in C ended with $?" >&2; exit 1; }
echo "$kind, gcc, pkg-config millrace-c: ok"
