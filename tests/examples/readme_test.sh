#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The README's programs equal the examples, character by character, except for the line with the licence.
#   readme_test.sh README ROOT EXAMPLE...     in README: <!-- example: EXAMPLE -->, then the fenced block
set -euo pipefail
readme=$1 root=$2
shift 2
[[ $# -gt 0 ]] || { echo "FAIL: no example named" >&2; exit 1; }

# Prints the block after the marker of $1. Fails if there is none or it is empty.
block_of() {
  awk -v marker="<!-- example: $1 -->" '
    state == 0 && $0 == marker { state = 1; next }
    state == 1 && /^```/ { state = 2; next }
    state == 1 { exit }
    state == 2 && /^```$/ { ended = 1; exit }
    state == 2 { print; lines++ }
    END { exit !(ended && lines > 0) }' "$readme"
}

result=0
for example in "$@"; do
  if ! block=$(block_of "$example"); then
    echo "FAIL: $readme has no block for $example" >&2
    result=1
  elif ! diff -u --label "$example" --label README <(grep -v SPDX-License-Identifier "$root/$example") <(echo "$block") >&2; then
    echo "FAIL: $readme shows another $example" >&2
    result=1
  fi
done
[[ $result == 0 ]] && echo PASS
exit $result
