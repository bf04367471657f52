#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The hot headers compile alone and include no header of Abseil. Options as users write them give no warning.
# usage: test_headers.sh INCLUDE WORK COMPILER...
set -euo pipefail
include=$1 work=$2
shift 2
here=$(cd "$(dirname "$0")" && pwd)
rm -rf "$work"
mkdir -p "$work"
cp -r "$include" "$work/include"  # the compiler can find no other file of this project there
cd "$work"

# Stand-ins for the Abseil headers in use, each with an #error. Other Abseil headers appear in the list of
# files that were read.
mkdir -p fake/absl/status
for header in status statusor; do
  echo '#error "a hot header includes Abseil"' >"fake/absl/status/$header.h"
done

# Compiles HEADER alone. Fails without output if it does not compile or includes a header of Abseil.
alone() { # COMPILER HEADER
  local object=${1##*/}-${2//\//_}
  "$1" -std=c++20 -Wall -Wextra -Wpedantic -Werror -Iinclude -Ifake -x c++ -fsyntax-only \
    -MD -MF "$object.d" -MT header "include/$2" 2>"$object.log" && ! grep -q 'absl/' "$object.d"
}

hot=(millrace/export.h millrace/options.h millrace/outcome.h)
mapfile -t -O "${#hot[@]}" hot < <(cd include && printf '%s\n' millrace/internal/*.h)
for compiler in "$@"; do
  for header in "${hot[@]}"; do
    alone "$compiler" "$header" || {
      echo "FAILED: $compiler: $header does not stand alone without Abseil" >&2
      cat "${compiler##*/}-${header//\//_}".log >&2
      exit 1
    }
  done
  if alone "$compiler" millrace/error.h; then
    echo "FAILED: $compiler: error.h includes Abseil, and that was not seen" >&2
    exit 1
  fi
  echo "$compiler: ${#hot[@]} hot headers stand alone without Abseil"
done

for compiler in "$@"; do
  for level in 0 1 2 3; do
    "$compiler" -std=c++20 -O$level -Wall -Wextra -Wpedantic -Werror -Iinclude -c "$here/options_user.cc" -o options.o || {
      echo "FAILED: options_user.cc with $compiler -O$level" >&2
      exit 1
    }
  done
  echo "$compiler: options compile without a warning, -O0 to -O3"
done
