#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A watcher of a configuration gets the current value first, even if it starts late or the publisher has died.
# Then it gets every change.
#   config_test.sh BIN
. "$(dirname "$0")/support.sh"

mkfifo "$work/values"
exec 7<> "$work/values" # has no end while this is open
start_publisher() { "$bin/millrace_config_publisher" "$ring" < "$work/values" >> "$work/publisher.log" 2>&1 7>&- & publisher=$!; }
watchers=()
start_watcher() { "$bin/millrace_config_watcher" "$ring" > "$work/watcher$1.log" 2>&1 7>&- & watchers[$1]=$!; }
watcher_says() { until_true has_line "$work/watcher$1.log" "$2"; }
begins_with() { [[ $(head -1 "$work/watcher$1.log") == "$2" ]] || fail "watcher $1 did not begin with \"$2\""; }

# One watcher starts before the publisher, one after it.
start_watcher 0
until_true waits_for_the_ring "${watchers[0]}"
start_publisher
until_true has_line "$work/publisher.log" "value 0 is next"
echo a >&7
watcher_says 0 "0: a"
start_watcher 1
watcher_says 1 "0: a"
echo b >&7
watcher_says 0 "1: b"
watcher_says 1 "1: b"

# The publisher dies. The value stays, also for new watchers, and prune does not remove it.
kill -9 "$publisher"
ended "$publisher" 137
start_watcher 2
watcher_says 2 "1: b"
begins_with 2 "1: b"
if [[ -x $bin/shmctl ]]; then
  "$bin/shmctl" stat "$ring" | grep -q '^stale *no: kept' || fail "the ring is not kept"
fi

# The next publisher continues.
start_publisher
until_true has_line "$work/publisher.log" "value 2 is next"
echo c >&7
for i in 0 1 2; do watcher_says "$i" "2: c"; done
start_watcher 3
watcher_says 3 "2: c"
begins_with 3 "2: c"

# The publisher's input ends. It leaves, and the value stays.
exec 7>&-
ended "$publisher" 0
start_watcher 4
watcher_says 4 "2: c"
begins_with 4 "2: c"

# A program publishes once and ends. Many watchers start later, and all get the value.
once=${ring}once
echo only | "$bin/millrace_config_publisher" "$once" > "$work/once.log"
for i in 5 6 7 8; do
  ring=$once start_watcher "$i"
  watcher_says "$i" "0: only"
done

# A watcher reports that its ring was removed.
rm /dev/shm/"$ring"{,once}.{ring,seats,lock}
for pid in "${watchers[@]}"; do ended "$pid" 1; done
for i in 0 1 2 3 4 5 6 7 8; do
  grep -q "was removed" "$work/watcher$i.log" || fail "watcher $i was not told"
done
nothing_left
echo PASS
