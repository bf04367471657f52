#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Instructions per message on the straight path, counted by callgrind.
#
# usage: count_instructions.sh COMPILER-VERSION RUN PLANTED-RUN      (g++'s; two executables)
#
# Each subject is called N and 2N times. The difference, divided by N, excludes start-up and the slow first
# call. A number counts the whole function with its return, but not the call instruction before it. The
# numbers are those of g++ 12 in the release build. One more or less is accepted, because a patch release of
# the compiler may choose other moves. Raise a number only with the reason in the commit.
#
# valgrind 3.19 emulates or forwards every system call that a handle needs, also the
# registration for membarrier. If membarrier were refused, each publish would take Wake and its
# fence, and the numbers would be far off.
set -euo pipefail
version=$1 run=$2 planted=$3

EXPECTED=(
  "fastpath_publish_typed 32"   # 64 bytes; two instructions check for the stop sign instead of storing it
  "fastpath_publish_64 34"      # untyped, 64 bytes: also compares with the maximum message
  "fastpath_claim_commit_64 38" # includes the token's destructor
  "fastpath_next 30"
  "fastpath_next_typed 27"
)
TOLERANCE=1
N=1000

if [[ ${version%%.*} != 12 ]]; then
  echo "SKIPPED: the numbers are those of g++ 12, this is $version"
  exit 77
fi
command -v valgrind >/dev/null || { echo "valgrind is missing (Debian: valgrind)" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Prints "FUNCTION INSTRUCTIONS" per subject. The count includes all functions that the subject calls.
count() { # RUN COUNT
  if ! valgrind --tool=callgrind --callgrind-out-file="$work/out" "$1" "$2" >"$work/log" 2>&1; then
    cat "$work/log" >&2
    return 1
  fi
  callgrind_annotate --inclusive=yes --threshold=100 "$work/out" |
    sed -nE 's/^ *([0-9,]+) .*:(fastpath_[a-z0-9_]+) \[.*/\2 \1/p' | tr -d ,
}

# Compares RUN with the table. Prints each number, and returns false if one is off.
compare() { # RUN
  local once twice row function expected a b each good=0
  once=$(count "$1" "$N") || return 2
  twice=$(count "$1" $((2 * N))) || return 2
  for row in "${EXPECTED[@]}"; do
    read -r function expected <<<"$row"
    a=$(awk -v f="$function" '$1 == f { print $2 }' <<<"$once")
    b=$(awk -v f="$function" '$1 == f { print $2 }' <<<"$twice")
    if [[ -z $a || -z $b ]]; then
      echo "$function: not counted"
      good=1
      continue
    fi
    each=$(awk -v a="$a" -v b="$b" -v n="$N" 'BEGIN { printf "%.3f", (b - a) / n }')
    if awk -v each="$each" -v e="$expected" -v t="$TOLERANCE" 'BEGIN { exit !(each < e - t || each > e + t) }'; then
      echo "$function: $each instructions, expected $expected +-$TOLERANCE"
      good=1
    else
      echo "$function: $each instructions"
    fi
  done
  return $good
}

compare "$run" || { echo "FAILED: the straight path has changed" >&2; exit 1; }
if compare "$planted" >"$work/planted"; then
  echo "FAILED: two instructions were planted in each subject and not found:" >&2
  cat "$work/planted" >&2
  exit 1
fi
found=$(grep -c expected "$work/planted")
((found == ${#EXPECTED[@]})) || { echo "FAILED: planted in ${#EXPECTED[@]} subjects, found in $found" >&2; exit 1; }
echo "planted instructions were found in all $found"
