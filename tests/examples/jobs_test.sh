#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A pool of workers. Workers are killed one by one and all together. Each job is done, and a killed worker's
# job is done by another one.
#   jobs_test.sh BIN
. "$(dirname "$0")/support.sh"

jobs=600
declare -A worker
start_worker() { "$bin/millrace_job_worker" "$ring" >> "$work/$1.log" 2>&1 & worker[$1]=$!; }
done_by() { grep -c '^job ' "$work/$1.log"; }
has_begun() { [[ $(done_by "$1") -ge $2 ]]; }

for name in a b c; do start_worker $name; done
for name in a b c; do until_true waits_for_the_ring "${worker[$name]}"; done
"$bin/millrace_job_publisher" "$ring" "$jobs" > "$work/publisher.log" 2>&1 & publisher=$!

# Two workers die at work, one after the other.
for name in a b; do
  until_true has_begun $name 5
  kill -9 "${worker[$name]}"
  ended "${worker[$name]}" 137
  start_worker $name
done
# For a while there are no workers. The group keeps its position.
until_true has_begun c 5
kill -9 "${worker[@]}"
for name in a b c; do ended "${worker[$name]}" 137; done
ended "$publisher" 0
for name in d e; do start_worker $name; done
for name in d e; do ended "${worker[$name]}" 0; done

seen=$(cat "$work"/?.log | sed -n 's/^job \([0-9]*\): .*/\1/p' | sort -nu | wc -l)
[[ $seen == "$jobs" ]] || fail "$seen of $jobs jobs were done"
grep -q "another worker had it before" "$work"/?.log || fail "no job was taken over"
[[ $(sed -n 's/^job 1: //p' "$work"/?.log | head -n 1) == "2271 primes below 20100"* ]] || fail "job 1 is wrong"
nothing_left
echo PASS
