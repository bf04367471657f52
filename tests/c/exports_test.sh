#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# libmillrace.so exports the functions of its header under one version, and nothing else. It needs no Abseil.
# usage: exports_test.sh LIBRARY HEADER
set -euo pipefail
library=$1 header=$2

exported=$(nm -D --defined-only "$library" | awk '$2 != "A" { print $3 }' | sort)
declared=$(grep -oE '\bmillrace_[a-z_]+\(' "$header" | tr -d '(' | sort -u | grep -vx millrace_handler)
unversioned=$(grep -v '@@MILLRACE_0$' <<<"$exported" || true)
[[ -z $unversioned ]] || { echo "FAILED: exported without the version MILLRACE_0: $unversioned" >&2; exit 1; }
if ! difference=$(diff <(sed 's/@@.*//' <<<"$exported") <(echo "$declared")); then
  echo "FAILED: exported (<) and declared in the header (>) differ:" >&2
  echo "$difference" >&2
  exit 1
fi
count=$(wc -l <<<"$exported")
((count > 60)) || { echo "FAILED: only $count functions are exported" >&2; exit 1; }
needed=$(readelf -d "$library" | sed -nE 's/.*\(NEEDED\).*\[(.*)\]/\1/p')
if grep -iE 'absl|millrace' <<<"$needed"; then
  echo "FAILED: the library needs those (above)" >&2
  exit 1
fi
soname=$(readelf -d "$library" | sed -nE 's/.*\(SONAME\).*\[(.*)\]/\1/p')
[[ $soname == libmillrace.so.0 ]] || { echo "FAILED: the soname is \"$soname\"" >&2; exit 1; }
echo "$count functions are exported as MILLRACE_0; needed: ${needed//$'\n'/ }"
