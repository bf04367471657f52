#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The README's pair and the zero-copy pair deliver every message in order and
# end cleanly, started in either order.
#   pair_test.sh BIN WRITER READER FIRST EXPECTED      FIRST: writer or reader
. "$(dirname "$0")/support.sh"
writer=$2 reader=$3 first=$4 expected=$5


start_writer() { "$bin/$writer" "$ring" > "$work/writer.log" 2>&1 & writer_pid=$!; }
start_reader() { "$bin/$reader" "$ring" > "$work/reader.log" 2>&1 & reader_pid=$!; }

if [[ $first == writer ]]; then
  start_writer
  until_true test -e "/dev/shm/$ring.ring"
  start_reader
else
  start_reader
  until_true waits_for_the_ring "$reader_pid"
  start_writer
fi
ended "$writer_pid" 0
ended "$reader_pid" 0
diff "$expected" "$work/reader.log" || fail "the reader printed something else"
[[ ! -s $work/writer.log ]] || fail "the writer complained"
nothing_left
echo PASS
