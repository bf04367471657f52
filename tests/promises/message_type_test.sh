#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Promise: a type that cannot be a message does not compile, and the first error says how to mend it.
#   message_type_test.sh INCLUDE WORK COMPILER
set -euo pipefail
include=$1 work=$2 compiler=$3
rm -rf "$work"
mkdir -p "$work/pre"
trap 'rm -rf "$work"' EXIT
"$compiler" -std=c++20 -I"$include" -x c++-header "$include/millrace/typed.h" -o "$work/pre/typed.h.gch"
echo '#include "millrace/typed.h"' > "$work/pre/typed.h"  # for a compiler that ignores the precompiled one
cases=0
result=0

# compiles NAME CODE USE: compiles a program that declares CODE and uses millrace::USE. The type's name is T.
compiles() {
  printf '#include <string>\n%s\nvoid Use() { (void)sizeof(millrace::%s<T>); }\n' "$2" "$3" > "$work/$1.cc"
  "$compiler" -std=c++20 -I"$include" -include "$work/pre/typed.h" -fsyntax-only -x c++ "$work/$1.cc" 2> "$work/$1.log"
}
fail() {
  echo "FAIL: $1: $2" >&2
  head -20 "$work/$1.log" >&2
  result=1
}

# taken NAME CODE: the type must compile.   refused NAME CODE ADVICE: it must not, and the error shows ADVICE.
taken() {
  for use in TypedProducer TypedConsumer; do
    compiles "$1" "$2" $use || fail "$1" "$use does not take it"
    cases=$((cases + 1))
  done
}
refused() {
  for use in TypedProducer TypedConsumer; do
    cases=$((cases + 1))
    if compiles "$1" "$2" $use; then
      fail "$1" "$use takes it"
    elif ! grep -m1 'error:' "$work/$1.log" | grep -qF "$3"; then
      fail "$1" "the first error of $use does not say \"$3\""
    fi
  done
}
schema() { echo "template <> inline constexpr std::string_view millrace::kSchema<T> = \"$1\";"; }

taken plain 'struct T { unsigned long number; double value; };'
taken scalar 'using T = double;'
taken described "struct T { unsigned long number; double value[2]; }; $(schema 'number:u64 value:f64[2]')"
taken padded "struct T { unsigned char kind; unsigned long number; }; $(schema 'kind:u8 _:u8[7] number:u64')"

refused text 'struct T { std::string name; };' 'replace std::string, std::vector and pointers to other objects by fixed arrays'
refused destroyed 'struct T { int n; ~T() {} };' 'must be trivially copyable'
refused pointer 'using T = int*;' 'publish what it points to'
refused virtual 'struct T { virtual void F() {} int n; };' 'must be trivially copyable'
refused mixed 'struct T { int a; int Sum() { return a + b; } private: int b; };' 'must have standard layout'
refused aligned 'struct alignas(16) T { double value; };' 'drop alignas, or copy into an aligned object after receiving'
refused malformed "struct T { unsigned long number; }; $(schema 'number:u65')" 'is malformed: write'
refused commas "struct T { unsigned long a, b; }; $(schema 'a:u64, b:u64')" 'is malformed: write'
refused missing "struct T { unsigned long a, b; }; $(schema 'a:u64')" 'do not add up to sizeof(T): a field is missing'
refused narrow "struct T { unsigned long a; }; $(schema 'a:u32')" 'do not add up to sizeof(T)'
refused padding "struct T { unsigned char kind; unsigned long number; }; $(schema 'kind:u8 number:u64')" 'padding is not named'

echo "$cases compilations"
[[ $cases -ge 30 ]] || { echo "FAIL: too few" >&2; exit 1; }
[[ $result == 0 ]] && echo PASS
exit $result
