#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The example of a unit test passes, also while other processes run it, and leaves no ring.
#   unit_test_test.sh BIN
. "$(dirname "$0")/support.sh"

pids=()
for i in 1 2 3 4; do
  "$bin/millrace_unit_test" --gtest_repeat=5 > "$work/$i.log" 2>&1 &
  pids+=($!)
done
for pid in "${pids[@]}"; do ended "$pid" 0; done
for i in 1 2 3 4; do
  [[ $(grep -c '^\[       OK \] ' "$work/$i.log") == 15 ]] || fail "not three tests, five times"
done
for pid in "${pids[@]}"; do
  left=$(find /dev/shm -name "test-$pid-*")
  [[ -z $left ]] || fail "left behind: $left"
done
echo PASS
