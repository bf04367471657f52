#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Moves an installed tree. No file in it may name its first place or its
# build folder, and its shmctl must run.
# usage: check_moved.sh FIRST MOVED BUILD
set -euo pipefail
first=$1 moved=$2 build=$3
mv "$first" "$moved"
if grep -rIn -e "$first" -e "$build" "$moved"; then
  echo "FAILED: the installed tree names a place (above)" >&2
  exit 1
fi
version=$("$moved/bin/shmctl" --version)
[[ -n $version ]] || { echo "FAILED: the moved shmctl does not say its version" >&2; exit 1; }
[[ -f $moved/share/bash-completion/completions/shmctl ]] || { echo "FAILED: no bash completion" >&2; exit 1; }
# Every document that an installed header cites must be installed too.
mapfile -t cited < <(grep -rhoE '[A-Za-z0-9_/.-]+\.md' "$moved/include/millrace" | sort -u)
((${#cited[@]})) || { echo "FAILED: no installed header cites a document" >&2; exit 1; }
for document in "${cited[@]}"; do
  [[ -f $moved/share/doc/millrace/$document ]] ||
    { echo "FAILED: installed headers cite $document, which share/doc/millrace does not have" >&2; exit 1; }
done
echo "moved: $version; its headers cite ${cited[*]}"
