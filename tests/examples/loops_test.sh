#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The event loops of the examples read every message of two rings and both ends, at typing speed.
#   loops_test.sh BIN epoll|asio
. "$(dirname "$0")/support.sh"
loop=$2 log=$work/loop.log
says() { until_true has_line "$log" "$1"; }

"$bin/millrace_$loop" "$ring.a" "$ring.b" > "$log" 2>&1 & loop_pid=$!
mkfifo "$work/a" "$work/b"
exec 6<> "$work/a" 7<> "$work/b" # neither has an end while these are open
"$bin/shmctl" pub "$ring.a" --create --wait-for 1 < "$work/a" > "$work/pub_a.log" 2>&1 6>&- 7>&- & a=$!
"$bin/shmctl" pub "$ring.b" --create --wait-for 1 < "$work/b" > "$work/pub_b.log" 2>&1 6>&- 7>&- & b=$!
echo one >&6
says "$ring.a: one"
echo two >&7
says "$ring.b: two"
for i in {1..50}; do echo "a $i" >&6; says "$ring.a: a $i"; echo "b $i" >&7; says "$ring.b: b $i"; done
exec 6>&-
says "$ring.a ended: kClosed"
echo three >&7
says "$ring.b: three"
exec 7>&-
ended "$a" 0
ended "$b" 0
ended "$loop_pid" 0
[[ $(tail -n 1 "$log") == "$ring.b ended: kClosed" ]] || fail "not the end"
[[ $(wc -l < "$log") == 105 ]] || fail "not 105 lines"

# The loop is ended while it waits.
if [[ $loop == asio ]]; then
  "$bin/millrace_asio" "$ring.b" "$ring.c" > "$work/second.log" 2>&1 & loop_pid=$!
  "$bin/shmctl" create "$ring.c" > /dev/null
  until_true has_line "$work/second.log" "$ring.b ended: kClosed"
  kill -TERM "$loop_pid"
  ended "$loop_pid" 0
fi
# The loop is ended while it waits for a missing ring and reads messages of another one.
if [[ $loop == asio ]]; then
  "$bin/millrace_asio" "$ring.d" "$ring.none" > "$work/third.log" 2>&1 & loop_pid=$!
  echo early | "$bin/shmctl" pub "$ring.d" --create --wait-for 1 --keep-open > /dev/null 2>&1
  until_true has_line "$work/third.log" "$ring.d: early"
  until_true waits_for_the_ring "$loop_pid"
  kill -TERM "$loop_pid"
  ended "$loop_pid" 0
fi
for name in a b c d; do "$bin/shmctl" unlink "$ring.$name" --force > /dev/null 2>&1 || true; done
nothing_left
echo PASS
