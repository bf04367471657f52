#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Compiles the usage examples in the comments of public headers. An example consists of the comment's lines
# that are indented by three spaces or more. In an example, "{ ... }" stands for any body.
# usage: header_examples_test.sh INCLUDE WORK COMPILER
set -euo pipefail
include=$1 work=$2 compiler=$3
rm -rf "$work"
mkdir -p "$work"

# The lines before and after the example of each header.
declare -A before=(
  [typed.h]=''
  [merge.h]='template <class Use, class Report> void Example(millrace::Merge& merge, Use use, Report report) {'
  [wait_set.h]='void Example(absl::Status& status, millrace::Consumer& quotes, millrace::Consumer& orders) {'
)
declare -A after=([typed.h]='static_assert(millrace::kSchema<Quote>.size() > 0);' [wait_set.h]='}'
  [merge.h]='}
void Use(millrace::Merge& merge) { Example(merge, [](uint32_t, auto&&) {}, [](const absl::Status&) {}); }'
)

compiled=0
for path in "$include"/millrace/*.h; do
  header=${path##*/}
  example=$(sed -nE 's|^ *//   ||p' "$path" | sed 's/{ \.\.\. }/{}/')
  [[ -n $example ]] || continue
  [[ -v "before[$header]" ]] || { echo "FAILED: $header has an example, this test says nothing of what stands around it" >&2; exit 1; }
  printf '#include <millrace/%s>\n%s\n%s\n%s\n' "$header" "${before[$header]}" "$example" "${after[$header]}" >"$work/$header.cc"
  "$compiler" -std=c++20 -Wall -Wextra -Werror -Wno-unused-parameter -I"$include" -fsyntax-only "$work/$header.cc" ||
    { echo "FAILED: the example in $header does not compile" >&2; exit 1; }
  compiled=$((compiled + 1))
done
((compiled == ${#before[@]})) || { echo "FAILED: $compiled examples were found, ${#before[@]} expected" >&2; exit 1; }
echo "$compiled examples of headers compile"
