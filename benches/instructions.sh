#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Prints instructions per message, counted by callgrind: one "name number" per line.
# usage: benches/instructions.sh [PATH OF millrace_counted]
set -euo pipefail
counted=${1:-$(dirname "$0")/../build/bin/millrace_counted}
messages=1000
command -v valgrind >/dev/null || { echo "instructions.sh: valgrind is not installed" >&2; exit 3; }
[[ -x $counted ]] || { echo "instructions.sh: $counted is not built" >&2; exit 3; }
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# count NAME KIND FUNCTION MESSAGES: prints the instructions per message inside FUNCTION and the functions it calls.
count() {
  local total
  total=$(valgrind --tool=callgrind --callgrind-out-file="$scratch/out" --toggle-collect="$3" "$counted" "$2" 2>&1 |
    sed -n 's/^==[0-9]*== Collected : //p')
  [[ -n $total && $total != 0 ]] || { echo "instructions.sh: counting $1 failed" >&2; return 1; }
  awk -v name="$1" -v total="$total" -v messages="$4" 'BEGIN { printf "%s %.2f\n", name, total / messages }'
}

count publish_8 publish_8 CountedPublish $messages
count publish_64 publish_64 CountedPublish $messages
count typed_64 typed_64 CountedTyped $messages
count copy_64 copy_64 CountedCopy $messages
count next_8 publish_8 CountedNext $messages
count next_64 publish_64 CountedNext $messages
for seats in 1 16 256 1024; do
  count "publish_seats_$seats" "publish_seats_$seats" CountedPublish $((messages * 60))
done
