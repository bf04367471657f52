#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A daemon is stopped, killed and restarted. The sequence continues, and one consumer runs all the time.
#   daemon_test.sh BIN EXAMPLES
. "$(dirname "$0")/support.sh"
examples=$2

start_daemon() { # NUMBER INTERVAL
  log=$work/daemon$1.log
  "$bin/millrace_daemon" "$ring" "$2" > "$log" 2>&1 &
  daemon=$!
  until_true grep -q '^continuing at message' "$log"
}
going_on_at() { sed -n 's/^continuing at message //p' "$log"; }
stopped_before() { sed -n 's/^stopped before message //p' "$log"; }
newest() { tail -n 5 "$work/reader.log" | sed -n 's/^\([0-9]*\): tick .*/\1/p' | tail -n 1; }
reader_is_at() { local at; at=$(newest); [[ -n $at && $at -ge $1 ]]; }

start_daemon 0 5
[[ $(going_on_at) == 0 ]] || fail "it did not begin at 0"
"$bin/millrace_survivor_reader" "$ring" "$work/progress" > "$work/reader.log" 2>&1 &
reader=$!
until_true reader_is_at 5

# systemctl restart: SIGTERM, then a new start.
next=0
for round in 1 2 3; do
  kill -TERM "$daemon"
  ended "$daemon" 0
  stopped=$(stopped_before)
  [[ $stopped -gt $next ]] || fail "it published nothing in round $round"
  start_daemon "$round" 5
  next=$(going_on_at)
  [[ $next == "$stopped" ]] || fail "it stopped before $stopped and went on at $next"
  until_true reader_is_at $((next + 5))
done

# kill -9, then a new start.
for round in 4 5 6; do
  kill -9 "$daemon"
  ended "$daemon" 137
  start_daemon "$round" 5
  [[ $(going_on_at) -gt $next ]] || fail "it went on at $(going_on_at), had begun at $next before"
  next=$(going_on_at)
  until_true reader_is_at $((next + 5))
done

# SIGTERM while the daemon waits for room, because its consumer is stopped.
if [[ -x $bin/shmctl ]]; then
  kill -TERM "$daemon"
  ended "$daemon" 0
  kill -STOP "$reader"
  start_daemon 7 0
  next=$(going_on_at)
  is_blocked() { "$bin/shmctl" stat "$ring" --json | grep -q '"blocked": [1-9]'; }
  until_true is_blocked
  kill -TERM "$daemon"
  ended "$daemon" 0
  stopped=$(stopped_before)
  kill -CONT "$reader"
  until_true reader_is_at $((stopped - 1))
  start_daemon 8 5
  [[ $(going_on_at) == "$stopped" ]] || fail "it stopped before $stopped and went on at $(going_on_at)"
  until_true reader_is_at $((stopped + 5))
fi

# One consumer ran all the time and got every message once, in order.
kill -0 "$reader" || fail "the consumer has ended"
kill -TERM "$daemon"
ended "$daemon" 0
until_true reader_is_at $(($(stopped_before) - 1))
until_true grep -q "the writer is gone" "$work/reader.log"
kill -9 "$reader"
ended "$reader" 137
awk -F: '/^[0-9]/ { if (!n++) next_one = $1; if ($1 != next_one++ || $2 != " tick " $1) { print "not in order: " $0; exit 1 } }
  END { exit !(n > 30) }' "$work/reader.log" || fail "the consumer missed something"
! grep -q missed "$work/reader.log" || fail "something was lost"

# systemd accepts the unit file.
if command -v systemd-analyze > /dev/null; then
  sed "s|/usr/local/bin/millrace_daemon|$bin/millrace_daemon|; /^User=/d" "$examples/millrace_daemon.service" > "$work/millrace_daemon.service"
  systemd-analyze verify --man=no "$work/millrace_daemon.service" > "$work/verify.log" 2>&1 || fail "systemd refuses the unit"
  ! grep -q "millrace_daemon.service:" "$work/verify.log" || fail "systemd does not like the unit"
fi
rm /dev/shm/"$ring".{ring,seats,lock}
nothing_left
echo PASS
