#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The ring is removed while the README's writer waits for its first reader.
# Writer and reader still find each other.
#   pair_removed_test.sh BIN rm|unlink EXPECTED
. "$(dirname "$0")/support.sh"
how=$2 expected=$3

"$bin/millrace_writer" "$ring" > "$work/writer.log" 2>&1 & writer_pid=$!
until_true test -e "/dev/shm/$ring.ring"
if [[ $how == rm ]]; then
  rm "/dev/shm/$ring".*
else
  "$bin/shmctl" unlink "$ring" --force > /dev/null
fi
"$bin/millrace_reader" "$ring" > "$work/reader.log" 2>&1 & reader_pid=$!
ended "$reader_pid" 0
ended "$writer_pid" 0
diff "$expected" "$work/reader.log" || fail "the reader printed something else"
[[ ! -s $work/writer.log ]] || fail "the writer complained"
nothing_left
echo PASS
