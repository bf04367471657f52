#!/bin/bash
# Each example is short, includes only the library and the standard library, and says how to run it.
#   length_test.sh EXAMPLES_FOLDER BIN
set -euo pipefail
folder=$1 bin=$2
result=0
complain() { echo "FAIL: $*" >&2; result=1; }

shopt -s nullglob
examples=("$folder"/*.cc)
[[ ${#examples[@]} -ge 6 ]] || complain "only ${#examples[@]} examples in $folder"
for example in "${examples[@]}"; do
  name=$(basename "$example" .cc)
  lines=$(wc -l < "$example")
  ((lines < 60)) || complain "$name has $lines lines, 60 are too many"
  grep -q "^//   millrace_$name" "$example" || complain "$name does not say how to run it"
  [[ $(grep '^#include "' "$example") == '#include "millrace/millrace.h"' ]] ||
    complain "$name includes something else than millrace/millrace.h"
  [[ -x $bin/millrace_$name ]] || complain "$name is not built"
done
[[ $result == 0 ]] && echo PASS
exit $result
