#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Helpers for the tests of the examples: real processes with a time-out, waiting for lines, and a check that
# nothing remains. Sourced by the tests. Expects $1 to be the folder of the built examples.
set -euo pipefail

# shellcheck disable=SC2034 # used where this is sourced
bin=$(realpath "$1")
ring=millrace_test_$(basename "$0" .sh).$$
work=$(mktemp -d)
patience=30 # seconds, for anything that must happen

fail() {
  echo "FAIL: $*" >&2
  for log in "$work"/*.log; do
    [[ -e $log ]] && { echo "--- $(basename "$log")"; tail -n 60 "$log"; } >&2
  done
  exit 1
}

clean_up() {
  local running
  mapfile -t running < <(jobs -p)
  [[ ${#running[@]} == 0 ]] || kill -9 "${running[@]}" 2>/dev/null || true
  wait 2>/dev/null || true
  rm -rf "$work" /dev/shm/"$ring"*
}
trap clean_up EXIT

# until_true COMMAND...: waits until the command succeeds.
until_true() {
  local deadline=$((SECONDS + patience))
  until "$@" 2>/dev/null; do
    ((SECONDS < deadline)) || fail "never came true: $*"
  done
}

# has_line FILE LINE: succeeds if this line is in the file.
has_line() { grep -qxF -- "$2" "$1"; }

# ended PID CODE: waits for the child and compares its exit code.
ended() {
  local code=0
  until_true gone "$1"
  wait "$1" || code=$?
  [[ $code == "$2" ]] || fail "process ended with $code, expected $2"
}
gone() { [[ ! -e /proc/$1 || $(cut -d' ' -f3 "/proc/$1/stat") == Z ]]; }

# A reader that waits for a missing ring holds an inotify descriptor.
waits_for_the_ring() { readlink "/proc/$1/fd/"* | grep -q inotify; }

nothing_left() {
  local left
  left=$(find /dev/shm -name "$ring*")
  [[ -z $left ]] || fail "left behind: $left"
}
