#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs the demo on real files, unthrottled. Exit code and verdict distinguish each way in which it can end.
#   demo_test.sh BIN CASE
. "$(dirname "$0")/support.sh"
case=$2

# demo CODE ARGUMENT...: runs the demo and compares its exit code.
demo() {
  local expected=$1 code=0
  shift
  "$bin/millrace_demo" "$@" > "$work/demo.log" 2>&1 || code=$?
  [[ $code == "$expected" ]] || fail "exit code $code, expected $expected"
}
says() { grep -qE -- "$1" "$work/demo.log" || fail "it does not say: $1"; }
nothing_of_the_demo_left() {
  says "^no file of millrace_demo\.[0-9]+ is left in /dev/shm$"
  local name
  name=$(grep -oE 'millrace_demo\.[0-9]+' "$work/demo.log" | head -1)
  [[ -z $(find /dev/shm -name "$name*") ]] || fail "it says so, and $name is there"
}
# Checks what every good run prints for a file of this many messages.
passes() {
  local messages=$1
  [[ $(grep -c '^PASS ' "$work/demo.log") == 3 ]] || fail "not three consumers that pass"
  says "^ +source +$messages published +crc32 [0-9a-f]{8}$"
  says "^PASS +lossless +$messages received \+ +0 lost +crc32 [0-9a-f]{8}$"
  says "kill -9 at message [0-9]+, back when [0-9]+ were published"
  says "^PASS$"
  nothing_of_the_demo_left
}

case $case in
  real_file) # the demo's own executable, without padding
    demo 0 "$bin/millrace_demo" --rate 0
    passes $((($(stat -c %s "$bin/millrace_demo") + 4095) / 4096))
    says "^PASS +lossless, killed "
    ;;
  large_file) # a little over 64 MiB that cannot be compressed, so that all messages differ
    head -c $((64 * 1024 * 1024 + 1234)) /dev/urandom > "$work/large"
    demo 0 "$work/large" --rate 0
    passes 16385
    crc=$(gzip -c -1 "$work/large" | tail -c 8 | od -An -tx4 -N4 | tr -d ' ')
    says "source .* crc32 $crc$"
    ;;
  away_too_long) # more passes than the ring holds: the losses of the killed consumer must be counted exactly
    head -c $((16 * 1024 * 1024)) /dev/urandom > "$work/file"
    demo 0 "$work/file" --rate 0 --capacity 256KiB --away 4MiB
    passes 4096
    lost=$(awk '/^PASS +lossless, killed/ { print $7 }' "$work/demo.log")
    [[ $lost -gt 0 ]] || fail "it lost $lost, expected some"
    ;;
  one_message)
    echo hello > "$work/file"
    demo 0 "$work/file" --rate 0
    passes 1
    ;;
  interrupted) # Ctrl-C midway
    "$bin/millrace_demo" "$bin/millrace_demo" --seconds 600 > "$work/demo.log" 2>&1 &
    pid=$!
    until_true test -e "/dev/shm/millrace_demo.$pid.ring"
    kill -TERM "$pid"
    ended "$pid" 143
    says "^ended by signal 15$"
    nothing_of_the_demo_left
    ;;
  source_changes) # the streamed bytes are not the file's bytes at the end: the verdict must say so
    head -c $((1024 * 1024)) /dev/urandom > "$work/file"
    "$bin/millrace_demo" "$work/file" --seconds 3 > "$work/demo.log" 2>&1 &
    pid=$!
    until_true grep -qE '^ +[0-9.]+ s +[1-9]' "$work/demo.log" # the demo has read the beginning
    head -c 100 /dev/zero | dd of="$work/file" conv=notrunc status=none
    ended "$pid" 1
    says "^FAIL +lossless .* crc32"
    says "its checksum differs from the file's"
    says "^FAIL$"
    nothing_of_the_demo_left
    ;;
  refused)
    : > "$work/empty"
    demo 2 "$work/empty"
    demo 2 "$work/missing"
    demo 2 --no-such-option
    ;;
  *) fail "no such case: $case" ;;
esac
echo PASS
