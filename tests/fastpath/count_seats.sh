#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Checks the price of further consumers. A publish takes the same number of instructions, within one, with 1,
# 16, 256 and 1024 lossless seats that do not lag. The count includes making room over several laps. A seat
# takes at most 256 bytes of shared memory.
#
# usage: count_seats.sh RUN
set -euo pipefail
run=$1
TOLERANCE=1
ROUNDS=256 # four laps

command -v valgrind >/dev/null || { echo "valgrind is missing (Debian: valgrind)" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Prints the instructions per publish.
count() { # SEATS [joins]
  local total messages
  valgrind --tool=callgrind --callgrind-out-file="$work/out" --toggle-collect=fastpath_publish_64 \
    "$run" "$1" $ROUNDS "${@:2}" >"$work/said" 2>"$work/log" || { cat "$work/log" >&2; return 1; }
  total=$(sed -n 's/^==[0-9]*== Collected : //p' "$work/log")
  messages=$(awk '$1 == "messages" { print $2 }' "$work/said")
  awk -v t="$total" -v m="$messages" 'BEGIN { if (!(t > 0 && m > 0)) exit 1; printf "%.3f", t / m }'
}
# Succeeds if A is within TOLERANCE of B.
close() { awk -v a="$1" -v b="$2" -v t="$TOLERANCE" 'BEGIN { exit !(a - b <= t && b - a <= t) }'; }

one=$(count 1)
echo "1 seat: $one instructions per publish"
bytes=$(awk '$1 == "bytes" { print $2 / 512 }' "$work/said")
echo "a seat: $bytes bytes"
awk -v b="$bytes" 'BEGIN { exit !(b > 0 && b <= 256) }' || { echo "FAILED: more than 256 bytes a seat" >&2; exit 1; }
for seats in 16 256 1024; do
  many=$(count $seats)
  echo "$seats seats: $many instructions per publish"
  close "$many" "$one" || { echo "FAILED: $seats seats cost more than one instruction per message" >&2; exit 1; }
done

# The planted fault is that all seats are scanned once per chunk instead of once per lap.
planted=$(count 256 joins)
if close "$planted" "$one"; then
  echo "FAILED: 256 seats looked at in every chunk were not found: $planted" >&2
  exit 1
fi
echo "256 seats, looked at in every chunk: $planted, found"
