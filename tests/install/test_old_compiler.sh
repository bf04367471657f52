#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A compiler that is too old for millrace's headers stops at one #error, which says what is needed.
# usage: test_old_compiler.sh INCLUDE WORK COMPILER...
set -euo pipefail
include=$1 work=$2
shift 2
rm -rf "$work"
mkdir -p "$work"

# Simulates a standard library without std::atomic_ref. <version> and <atomic> have
# guards, so nothing defines it again.
cat >"$work/no_atomic_ref.h" <<'EOF_HEADER'
#include <version>
#include <atomic>
#undef __cpp_lib_atomic_ref
EOF_HEADER

# stopped COMPILER HEADER TEXT OPTION...: expects one #error with this text, and at most
# the message that ends the compilation.
stopped() {
  local compiler=$1 header=$2 text=$3 output
  shift 3
  if output=$("$compiler" "$@" -I"$include" -x c++ -fsyntax-only - <<<"#include <millrace/$header>" 2>&1); then
    echo "FAILED: $compiler $*: $header was accepted" >&2
    exit 1
  fi
  local errors others
  errors=$(grep 'error:' <<<"$output" | grep -cF "$text" || true)
  others=$(grep 'error:' <<<"$output" | grep -cvF -e "$text" -e "millrace/stop" || true)
  if ((errors != 1 || others != 0)); then
    echo "FAILED: $compiler $*: $header: $errors times \"$text\" and $others other errors: $output" >&2
    exit 1
  fi
}

seen=0
for compiler in "$@"; do
  for path in "$include"/millrace/*.h; do
    header=${path##*/}
    case $header in
      version.h | export.h) continue ;;  # macros that every compiler can read
    esac
    stopped "$compiler" "$header" 'millrace needs C++20' -std=c++17
    stopped "$compiler" "$header" 'millrace needs atomic_ref' -std=c++20 -include "$work/no_atomic_ref.h"
    ((seen += 1))
  done
  for header in version.h export.h; do
    "$compiler" -std=c++17 -I"$include" -x c++ -fsyntax-only - <<<"#include <millrace/$header>"
  done
done
((seen > 10)) || { echo "FAILED: only $seen headers were looked at" >&2; exit 1; }

# The text of the version must agree with its numbers.
cat >"$work/version.cc" <<'EOF_SOURCE'
#include <millrace/version.h>
#include <cstdio>
static_assert(MILLRACE_VERSION == MILLRACE_VERSION_MAJOR * 10000 + MILLRACE_VERSION_MINOR * 100 + MILLRACE_VERSION_PATCH);
int main() { std::puts(MILLRACE_VERSION_STRING); }
EOF_SOURCE
"$1" -std=c++17 -I"$include" "$work/version.cc" -o "$work/version"
said=$("$work/version")
number=$(sed -nE 's/^#define MILLRACE_VERSION_(MAJOR|MINOR|PATCH) ([0-9]+)$/\2/p' "$include/millrace/version.h" | paste -sd.)
[[ $said == "$number" ]] || { echo "FAILED: the version reads \"$said\", its numbers are $number" >&2; exit 1; }
echo "$seen times a header stopped an old compiler with one message; version $said"
