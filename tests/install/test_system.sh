#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs the .deb packages into this system, uses them like a user, and removes them.
# usage: test_system.sh SOURCE BUILD WORK COMPILER...       (BUILD: that of test_shared.sh)
set -euo pipefail
source=$1 build=$2 work=$3
shift 3
here=$(cd "$(dirname "$0")" && pwd)
packages=(libmillrace0 libmillrace-dev millrace-tools)

skip() {
  echo "SKIPPED: $*" >&2
  exit 77
}
[[ $(id -u) == 0 ]] || skip "only root can install packages; test_packages.sh has used them unpacked"
exec 8>/run/lock/millrace-install-test
flock 8
for package in "${packages[@]}"; do
  if dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null | grep -qv not-installed; then
    skip "$package is installed here: this test would remove it"
  fi
done

rm -rf "$work"
mkdir -p "$work"
bash "$here/build_packages.sh" "$source" "$build" "$work/packages"
ring=system-$$
trap 'shmctl unlink --force "$ring" >/dev/null 2>&1; dpkg --purge "${packages[@]}" >"$work/removed" 2>&1 || cat "$work/removed" >&2; rm -f /run/lock/millrace-install-test' EXIT
dpkg -i "$work"/packages/*.deb >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }

[[ $(command -v shmctl) == */bin/shmctl ]] || { echo "FAILED: no shmctl" >&2; exit 1; }
/usr/bin/shmctl create "$ring" --capacity 64K
/usr/bin/shmctl list | grep -qF "$ring" || { echo "FAILED: shmctl does not list its ring" >&2; exit 1; }
/usr/bin/shmctl unlink "$ring"
# shellcheck disable=SC1091
source /usr/share/bash-completion/completions/shmctl
complete -p shmctl >/dev/null
bash "$here/use_outside.sh" /usr shared "$work" "$@"

trap - EXIT
dpkg --purge "${packages[@]}" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
rm -f /run/lock/millrace-install-test
left=$(ls -d /usr/include/millrace /usr/lib/*/libmillrace* /usr/bin/shmctl 2>/dev/null || true)
[[ -z $left ]] || { echo "FAILED: left behind by the packages: $left" >&2; exit 1; }
echo "installed, used and removed: ${packages[*]}"
