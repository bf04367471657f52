#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Tests promises about locks, deaths and take-over on a file system other than tmpfs, which is mounted over
# /dev/shm in a new mount namespace. Usage: file_systems_test.sh TYPE PROGRAM:FILTER...
set -euo pipefail
type=$1
shift
skip() {
  echo "SKIPPED: $*"
  exit 77
}

if [[ ${MILLRACE_INSIDE:-} != yes ]]; then
  [[ $(id -u) == 0 ]] || skip "needs root, to mount $type"
  MILLRACE_INSIDE=yes exec unshare --mount --propagation private bash "$0" "$type" "$@"
fi
# The image is a file on the disk, which is removed at the end.
if [[ $type == tmpfs || $type == ramfs ]]; then
  mount -t "$type" none /dev/shm || skip "cannot mount $type"
else
  command -v "mkfs.$type" > /dev/null || skip "no mkfs.$type"
  image=$(mktemp "${TMPDIR:-/var/tmp}/millrace_XXXXXX.img")
  trap 'rm -f "$image"' EXIT
  truncate -s 400M "$image"
  "mkfs.$type" -q "$image" > /dev/null
  mount -o loop${MOUNT_OPTIONS:+,$MOUNT_OPTIONS} "$image" /dev/shm || skip "cannot mount $type"
  trap 'umount /dev/shm; rm -f "$image"' EXIT
fi
chmod 1777 /dev/shm
for run in "$@"; do
  "${run%%:*}" --gtest_brief=1 --gtest_filter="${run#*:}" | tee "${TMPDIR:-/tmp}/millrace_file_system_$$.log"
  grep -q '^\[  PASSED  \] [1-9]' "${TMPDIR:-/tmp}/millrace_file_system_$$.log" || {
    echo "nothing was run of $run" >&2
    exit 1
  }
  rm -f "${TMPDIR:-/tmp}/millrace_file_system_$$.log"
done
