#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Producer and consumer run in their own namespaces and share one /dev/shm. First the pair runs as in the
# example. Then a producer is killed with its whole container, and its successor runs in a third one.
#   containers_test.sh BIN EXAMPLES EXPECTED
. "$(dirname "$0")/support.sh"
examples=$2 expected=$3

code=0
"$examples/containers.sh" "$bin" > "$work/pair.log" 2> "$work/namespaces.log" || code=$?
if [[ $code == 77 ]]; then
  echo "SKIPPED: $(tail -1 "$work/namespaces.log")"
  exit 77
fi
[[ $code == 0 ]] || fail "containers.sh ended with $code"
diff "$expected" "$work/pair.log" || fail "the consumer printed something else"

# No two containers share a mount, PID or user namespace, and none shares one with this test.
(cd /proc/self/ns && readlink mnt pid user | tr '\n' ' '; echo) | sed 's/^/container: /' >> "$work/namespaces.log"
[[ $(grep -c '^container: mnt:.* pid:.* user:' "$work/namespaces.log") == 3 ]] || fail "not two containers and this"
[[ $(tr ' ' '\n' < "$work/namespaces.log" | grep -E '^(mnt|pid|user):' | sort -u | wc -l) == 9 ]] || fail "they share a namespace"

# A folder of this test is the containers' /dev/shm.
shared=/dev/shm/$ring.shared
mkdir "$shared"
mkfifo "$work/lines"
exec 7<> "$work/lines"
start_writer() {
  "$examples/containers.sh" --one "$shared" "$bin/millrace_survivor_writer" "$ring" < "$work/lines" >> "$work/writer.log" 2>&1 7>&- &
  writer=$!
}
"$examples/containers.sh" --one "$shared" "$bin/millrace_survivor_reader" "$ring" "$work/progress" > "$work/reader.log" 2>&1 7>&- &
reader=$!
writer_says() { until_true has_line "$work/writer.log" "$1"; }
reader_says() { until_true has_line "$work/reader.log" "$1"; }
# The container's own processes. The first one is process 1 in the container.
inside() { pgrep -P "$(pgrep -P "$1" -x unshare)"; }

start_writer
writer_says "continuing at message 0"
echo a >&7
echo b >&7
reader_says "0: a"
reader_says "1: b"
[[ -e $shared/$ring.ring && ! -e /dev/shm/$ring.ring ]] || fail "the ring is not where it belongs"

# Seen from this namespace, both are alive and their PIDs are reported as "elsewhere".
if [[ -x $bin/shmctl ]]; then
  "$bin/shmctl" --dir "$shared" stat "$ring" > "$work/stat.log"
  grep -q '^producer .*pid elsewhere, alive' "$work/stat.log" || fail "the producer's PID is not told as another namespace's"
  grep -q ' elsewhere .*alive' "$work/stat.log" || fail "the consumer's PID is not told as another namespace's"
fi

kill -9 "$(inside "$writer")"
until_true gone "$writer" # ends with an exit code of unshare
! wait "$writer" || fail "a killed container ended well"
reader_says "the writer is gone, waiting for another"
start_writer
writer_says "continuing at message 2"
echo c >&7
reader_says "2: c"
exec 7>&-
ended "$writer" 0
ended "$reader" 0
[[ -z $(ls "$shared") ]] || fail "left behind: $(ls "$shared")"
rmdir "$shared"
nothing_left
echo PASS
