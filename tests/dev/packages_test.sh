#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# tools/dev finds the package names of each system by itself. On a system that it does not know it installs
# nothing. The package managers are stand-ins, so this test installs nothing.
# usage: packages_test.sh DEV WORK
set -euo pipefail
dev=$1 work=$2
rm -rf "$work"
mkdir -p "$work"

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

# stand_in NAME: makes a program from the script on the standard input.
stand_in() {
  { echo '#!/bin/bash'; cat; } >"$bin/$1"
  chmod +x "$bin/$1"
}

# Makes a system with the programs that the script itself needs, and no compiler.
system() { # NAME
  bin=$work/$1
  mkdir -p "$bin"
  local program
  for program in bash env dirname sed head grep cat mkdir tail; do
    ln -s "$(command -v "$program")" "$bin/$program"
  done
}

# debian_like NAME CLANG UNKNOWN...: makes a system with this default clang and without the UNKNOWN packages.
# Nothing is installed there.
debian_like() {
  system "$1"
  local clang=$2
  shift 2
  stand_in id <<<'echo 0'
  stand_in dpkg-query <<<'exit 1'
  # Until the lists are fetched, no package is known.
  stand_in apt-get <<<"echo \"\$*\" >>'$bin/asked'; case \$1 in update) touch '$bin/lists' ;; esac"
  stand_in apt-cache <<EOF_CACHE
[[ -e '$bin/lists' ]] || exit 100
case \$1 in
  depends) printf '%s\n' clang '  Depends: clang-$clang' '  Depends: libc6' ;;
  show) case " $* " in *" \$2 "*) exit 100 ;; esac ;;
esac
EOF_CACHE
  ln -s "$(command -v touch)" "$bin/touch"
}

for pair in debian12:14 ubuntu2404:18 debian13:19; do
  debian_like "${pair%:*}" "${pair#*:}"
  PATH=$bin "$dev" packages >"$work/output" 2>&1 || fail "${pair%:*}: $(<"$work/output")"
  grep -q "^install .* libclang-rt-${pair#*:}-dev" "$bin/asked" || fail "${pair%:*}: apt-get was asked: $(<"$bin/asked")"
  ! grep -oE 'libclang-rt-[0-9]+-dev' "$bin/asked" | grep -qv "libclang-rt-${pair#*:}-dev" || fail "${pair%:*}: two runtimes"
  echo "${pair%:*}: libclang-rt-${pair#*:}-dev"
done

debian_like without_spin 19 spin
if PATH=$bin "$dev" packages >"$work/output" 2>&1; then fail "a missing package was not noticed"; fi
grep -q 'do not have: spin$' "$work/output" || fail "a missing package is not named: $(<"$work/output")"
! grep -q '^install' "$bin/asked" || fail "apt-get was asked to install although a package is unknown"
echo "a package that the system does not have is named before anything is installed"

debian_like all_installed 14
stand_in dpkg-query <<<'echo "install ok installed"'
touch "$bin/lists"
PATH=$bin "$dev" packages >"$work/output" 2>&1 || fail "all installed: $(<"$work/output")"
[[ ! -e $bin/asked ]] || fail "all is installed, but apt-get was asked: $(<"$bin/asked")"
echo "where all is installed nothing is asked"

system other
if PATH=$bin "$dev" packages >"$work/output" 2>&1; then fail "another system: accepted without a compiler"; fi
grep -q 'missing: .*cmake' "$work/output" && grep -q 'Abseil' "$work/output" || fail "another system: $(<"$work/output")"
for program in g++ clang++ cmake ninja git pkg-config; do stand_in "$program" <<<'exit 0'; done
PATH=$bin "$dev" packages >"$work/output" 2>&1 || fail "another system with all programs: $(<"$work/output")"
echo "another system: says what it needs, installs nothing"
