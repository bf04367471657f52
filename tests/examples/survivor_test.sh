#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Either side is killed and starts again. The sequence continues, no message is lost, and no file remains.
#   survivor_test.sh BIN
. "$(dirname "$0")/support.sh"

mkfifo "$work/lines"
exec 7<> "$work/lines" # has no end while this is open
start_writer() { "$bin/millrace_survivor_writer" "$ring" < "$work/lines" >> "$work/writer.log" 2>&1 7>&- & writer=$!; }
start_reader() { "$bin/millrace_survivor_reader" "$ring" "$work/progress" >> "$work/reader.log" 2>&1 7>&- & reader=$!; }
say() { echo "$1" >&7; }
writer_says() { until_true has_line "$work/writer.log" "$1"; }
reader_says() { until_true has_line "$work/reader.log" "$1"; }

start_reader
until_true waits_for_the_ring "$reader"
start_writer
writer_says "continuing at message 0"
say a
say b
reader_says "0: a"
reader_says "1: b"

# The writer dies. The reader notices, and continues with the next writer.
kill -9 "$writer"
ended "$writer" 137
reader_says "the writer is gone, waiting for another"
start_writer
writer_says "continuing at message 2"
say c
reader_says "2: c"
reader_says "a new writer continues"

# The reader dies after it has stored its progress. Messages that are written until it returns wait for it.
until_true grep -q " 3$" "$work/progress"
kill -9 "$reader"
ended "$reader" 137
say d
say e
writer_says "published 4"
start_reader
reader_says "3: d"
reader_says "4: e"

# Both die.
until_true grep -q " 5$" "$work/progress"
kill -9 "$writer" "$reader"
ended "$writer" 137
ended "$reader" 137
start_reader
start_writer
writer_says "continuing at message 5"
say f
reader_says "5: f"

# The ring is removed while both use it. Both open a new ring, whose sequence begins at 0.
rm "/dev/shm/$ring".{ring,seats,lock}
until_true grep -q "was removed" "$work/reader.log"
say g
reader_says "0: g"

# At the end of the stream, the reader removes the ring and its progress.
exec 7>&-
ended "$writer" 0
ended "$reader" 0
! grep -q missed "$work/reader.log" || fail "something was lost"
[[ $(grep -cE '^[0-9]+: ' "$work/reader.log") == 7 ]] || fail "not each line exactly once"
[[ ! -e $work/progress ]] || fail "the progress file is left"
nothing_left
echo PASS
