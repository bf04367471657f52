#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds and checks the .deb packages, unpacks them into a folder, and uses the contents from outside.
# usage: test_packages.sh SOURCE BUILD WORK COMPILER...       (BUILD: that of test_shared.sh)
set -euo pipefail
source=$1 build=$2 work=$3
shift 3
here=$(cd "$(dirname "$0")" && pwd)
rm -rf "$work"
mkdir -p "$work/unpacked"

bash "$here/build_packages.sh" "$source" "$build" "$work/packages"
for package in libmillrace0 libmillrace-dev millrace-tools; do
  file=$(echo "$work/packages/${package}"_*.deb)
  [[ -f $file ]] || { echo "FAILED: no package $package" >&2; exit 1; }
  dpkg-deb -x "$file" "$work/unpacked"
  echo "$package depends on: $(dpkg-deb -f "$file" Depends)"
done

depends() { # PACKAGE EXPECTED
  local found
  found=$(dpkg-deb -f "$work/packages/$1"_*.deb Depends)
  [[ $found == *"$2"* ]] || { echo "FAILED: $1 should depend on \"$2\", but: $found" >&2; exit 1; }
}
depends libmillrace0 "libabsl20220623"
depends libmillrace-dev "libmillrace0 (= "
depends libmillrace-dev "libabsl-dev (>= 20220623)"
depends millrace-tools "libmillrace0 (= "

prefix=$work/unpacked/usr
"$prefix/bin/shmctl" --version
[[ -f $prefix/share/bash-completion/completions/shmctl ]] || { echo "FAILED: no bash completion" >&2; exit 1; }
bash "$here/use_outside.sh" "$prefix" shared "$work" "$@"
