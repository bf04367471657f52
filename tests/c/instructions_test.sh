#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Publishing and reading 64 bytes through C costs at most 12 instructions more than through C++, counted by
# callgrind. Each subject runs N and 2N times, so that the difference excludes start-up and the slow first call.
# A number counts the whole function with its return, but not the call before it.
# usage: instructions_test.sh WORK RUN
set -euo pipefail
work=$1 run=$2
most=12 n=1000
command -v valgrind >/dev/null || { echo "valgrind is missing (Debian: valgrind)" >&2; exit 1; }
rm -rf "$work"
mkdir -p "$work"

count() { # COUNT: prints "FUNCTION INSTRUCTIONS" per subject, with everything that it calls
  valgrind --tool=callgrind --callgrind-out-file="$work/out" "$run" "$1" >"$work/log" 2>&1 || { cat "$work/log" >&2; return 1; }
  callgrind_annotate --inclusive=yes --threshold=100 "$work/out" |
    sed -nE 's/^ *([0-9,]+) .*:((cost|millrace_try)_[a-z_]+) \[.*/\2 \1/p' | tr -d ,
}
once=$(count $n)
twice=$(count $((2 * n)))
each() { # FUNCTION: prints its instructions per call
  awk -v f="$1" -v n=$n 'FNR == NR { if ($1 == f) a = $2; next } $1 == f { b = $2 }
    END { if (a == "" || b == "") exit 1; printf "%.1f", (b - a) / n }' <(echo "$once") <(echo "$twice")
}

result=0
for call in publish next; do
  cpp=$(each "cost_cpp_$call") c=$(each "millrace_try_$call") || { echo "FAILED: $call was not counted" >&2; exit 1; }
  echo "$call: $cpp instructions in C++, $c in C"
  awk -v c="$c" -v cpp="$cpp" -v most=$most 'BEGIN { exit !(cpp > 10 && c > 10 && c - cpp <= most) }' || result=1
done
((result == 0)) || { echo "FAILED: C may cost at most $most instructions more than C++" >&2; exit 1; }
