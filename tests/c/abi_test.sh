#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The ABI of libmillrace.so is that of the committed description, tests/c/libmillrace.abi. A change that only adds is
# written there by: abi_test.sh WORK SOURCE COMPILER --update
# usage: abi_test.sh WORK SOURCE COMPILER [--update]
set -euo pipefail
work=$1 source=$2 compiler=$3 update=${4:-}
described=$source/tests/c/libmillrace.abi
for tool in abidw abidiff; do
  command -v "$tool" >/dev/null || { echo "$tool is missing (Debian: abigail-tools)" >&2; exit 1; }
done
rm -rf "$work"
mkdir -p "$work"

# build LIBRARY INCLUDE: the functions of the C interface alone, with debug information. The rest stays undefined.
build() {
  "$compiler" -std=c++20 -g -O0 -fPIC -shared -fvisibility=hidden "-I$source/runtime/c/abseil" "-I$source" "-I$2" \
    "-I$source/include" "$source"/runtime/c/*.cc "-Wl,--version-script=$source/runtime/c/millrace_c.map" \
    -Wl,-soname,libmillrace.so.0 -o "$1"
}
# describe LIBRARY INCLUDE DESCRIPTION: types that are not in the header, such as what a handle points to, are left out.
describe() {
  abidw --exported-interfaces-only --drop-undefined-syms --drop-private-types --header-file "$2/millrace.h" \
    --no-corpus-path --no-comp-dir-path --no-show-locs --no-elf-needed "$1" |
    sed -E "s|path='[^']*/runtime/c/|path='runtime/c/|" >"$3"
}

mkdir -p "$work/include"
cp "$source/include/millrace.h" "$work/include/"
build "$work/libmillrace.so" "$work/include"
describe "$work/libmillrace.so" "$work/include" "$work/now.abi"
if [[ $update == --update ]]; then
  cp "$work/now.abi" "$described"
  echo "$described is written"
  exit 0
fi
functions=$(grep -c '<function-decl.*elf-symbol-id' "$described")
((functions > 60)) || { echo "FAILED: the description has only $functions functions" >&2; exit 1; }

# Every change counts, also a compatible one: it belongs into the description.
code=0
abidiff "$described" "$work/now.abi" >"$work/changes" || code=$?
if ((code != 0)); then
  cat "$work/changes"
  echo "FAILED: the ABI has changed (above). If it has only grown: abi_test.sh WORK SOURCE COMPILER --update" >&2
  exit 1
fi

# A member in the middle of a struct must be found.
sed -i 's|^  uint32_t deliveries;|  uint64_t planted;\n  uint32_t deliveries;|' "$work/include/millrace.h"
grep -q planted "$work/include/millrace.h" || { echo "FAILED: nothing was planted" >&2; exit 1; }
build "$work/libplanted.so" "$work/include"
describe "$work/libplanted.so" "$work/include" "$work/planted.abi"
if abidiff "$described" "$work/planted.abi" >/dev/null; then
  echo "FAILED: a planted member was not found" >&2
  exit 1
fi
echo "$functions functions have the ABI that was committed; a planted member was found"
