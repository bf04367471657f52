#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Bug: the faster of two readers removed the ring, and the slower one never got the remaining messages.
#   two_readers_test.sh BIN EXPECTED
. "$(dirname "$0")/support.sh"
expected=$2

"$bin/shmctl" create "$ring" --schema 'number:u64 celsius:f64' > /dev/null
"$bin/millrace_reader" "$ring" > "$work/quick.log" 2>&1 & quick=$!
"$bin/millrace_reader" "$ring" > "$work/slow.log" 2>&1 & slow=$!
has_seats() { [[ $("$bin/shmctl" stat "$ring" | grep -c ' alive *lossless') == "$1" ]]; }
until_true has_seats 2
kill -STOP "$slow"
"$bin/millrace_writer" "$ring" > "$work/writer.log" 2>&1 & writer=$!
ended "$writer" 0
ended "$quick" 0
kill -CONT "$slow"
ended "$slow" 0
for reader in quick slow; do
  diff "$expected" "$work/$reader.log" || fail "the $reader reader printed something else"
done
nothing_left
echo PASS
