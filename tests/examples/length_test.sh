#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Each example is short (the licence aside), includes only the library and the standard library, states how to run it, and is in
# the README's table.
#   length_test.sh EXAMPLES_FOLDER BIN README
set -euo pipefail
folder=$1 bin=$2 readme=$3
result=0
complain() { echo "FAIL: $*" >&2; result=1; }

# The headers of millrace that an example may include. A unit test may also include the header for tests.
includes() {
  [[ $1 != c_* ]] || return 0  # <millrace.h>
  echo '#include "millrace/millrace.h"'
  [[ $1 != unit_test ]] || echo '#include "millrace/testing.h"'
}

shopt -s nullglob
examples=("$folder"/*.cc "$folder"/*.c "$folder"/*.sh)
[[ ${#examples[@]} -ge 11 ]] || complain "only ${#examples[@]} examples in $folder"
for example in "${examples[@]}"; do
  file=$(basename "$example")
  lines=$(grep -vc 'SPDX-License-Identifier' "$example")
  ((lines < 60)) || complain "$file has $lines lines, 60 are too many"
  grep -qF "]($file)" "$readme" || complain "$file is not in $readme"
  if [[ $file == *.sh ]]; then
    grep -q "^#   examples/$file" "$example" || complain "$file does not say how to run it"
    [[ -x $example ]] || complain "$file is not executable"
    continue
  fi
  name=${file%.c*}
  grep -q "^//   millrace_$name" "$example" || complain "$name does not say how to run it"
  [[ $(grep '^#include "' "$example") == "$(includes "$name")" ]] ||
    complain "$name includes something else than millrace/millrace.h"
  [[ -x $bin/millrace_$name ]] || complain "$name is not built"
done
[[ $result == 0 ]] && echo PASS
exit $result
