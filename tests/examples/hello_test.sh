#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The README's pair and the pair in C, as the README says to run it: the reader first, then the writer; then the ring
# is unlinked.
#   hello_test.sh BIN EXPECTED RING NAME       (the programs are millrace_NAME_writer and millrace_NAME_reader)
. "$(dirname "$0")/support.sh"
ring=$3 name=$4  # fixed in the programs: another run of them on this machine would be in the way
expected=$2
exec 9>"/tmp/millrace_${name}_test.lock" && flock 9

[[ ! -e /dev/shm/$ring.ring ]] || fail "a ring \"$ring\" exists already; unlink it first"
"$bin/millrace_${name}_reader" > "$work/reader.log" 2> "$work/reader_said.log" & reader_pid=$!
until_true waits_for_the_ring "$reader_pid"
"$bin/millrace_${name}_writer" > "$work/writer.log" 2>&1 & writer_pid=$!
ended "$writer_pid" 0
ended "$reader_pid" 0
diff "$expected" "$work/reader.log" || fail "the reader printed something else"
grep -q 'closed' "$work/reader_said.log" || fail "the reader does not say why it ended"
[[ ! -s $work/writer.log ]] || fail "the writer complained"
if [[ -x $bin/shmctl ]]; then
  "$bin/shmctl" unlink "$ring" > "$work/unlink.log" 2>&1 || fail "cannot unlink the ring"
  nothing_left
fi
echo PASS
