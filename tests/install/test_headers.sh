#!/usr/bin/env bash
# The hot headers stand alone and reach no header of Abseil; options as users write them do not warn.
# usage: test_headers.sh INCLUDE WORK COMPILER...
set -euo pipefail
include=$1 work=$2
shift 2
here=$(cd "$(dirname "$0")" && pwd)
rm -rf "$work"
mkdir -p "$work"
cp -r "$include" "$work/include"  # nothing else of this project can be found from there
cd "$work"

# Abseil's headers, each an error. The names in use; any other is seen in the list of what was read.
mkdir -p fake/absl/status
for header in status statusor; do
  echo '#error "a hot header includes Abseil"' >"fake/absl/status/$header.h"
done

# Compiles HEADER alone. Fails, silently, if it does not compile or reads a header of Abseil.
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
