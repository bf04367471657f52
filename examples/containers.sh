#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Two containers and one ring: runs millrace_writer and millrace_reader, each in its own mount, PID, user, IPC, network
# and UTS namespaces. Both see one shared /dev/shm. How to run it:
#   examples/containers.sh BIN                        BIN: where the examples were built, build/bin
#   examples/containers.sh --one FOLDER COMMAND...    one such container, whose /dev/shm is FOLDER
# Equivalent commands for docker or podman:
#   docker run --ipc=shareable --shm-size=256m --name feed IMAGE millrace_writer
#   docker run --ipc=container:feed IMAGE millrace_reader
# or --ipc=host for both. If the containers run as different users, RingOptions::access must admit both.
set -euo pipefail

apart=(unshare --user --map-root-user --mount --pid --fork --kill-child --ipc --net --uts --mount-proc --)
container() {
  local shared=$1
  shift
  # shellcheck disable=SC2016 # expanded inside
  "${apart[@]}" bash -c '
    mount --bind "$0" /dev/shm
    echo "container: $(cd /proc/self/ns && readlink mnt pid user | tr "\n" " ")" >&2
    exec "$@"' "$shared" "$@"
}

if [[ ${1-} == --one ]]; then
  shift
  container "$@"
  exit
fi

bin=$(realpath "${1:?where are the examples? (build/bin)}")
if ! "${apart[@]}" true 2> /dev/null; then
  echo "not permitted here: ${apart[*]}" >&2
  exit 77
fi
shared=$(mktemp -d /dev/shm/containers.XXXXXX)
container "$shared" "$bin/millrace_reader" &
trap 'kill -KILL $! 2> /dev/null || true; rm -rf "$shared"' EXIT
container "$shared" "$bin/millrace_writer"
wait $!
