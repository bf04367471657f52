#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Checks the straight path of the hot calls in the release build: no call, no lock prefix, no fence.
#
# usage: check_straight_path.sh SUBJECTS PLANTED      (two executables)
#
# g++ moves cold code into another section (NAME.cold). So the straight path of a function is its whole body
# outside that section. Only a conditional jump into the function's own cold part may leave it. An
# unconditional jump would be a tail call, or a detour for every message. A copy of run-time length may call
# memcpy. The check is for x86-64, where a full fence is a lock prefix, an mfence or an xchg with memory.
set -euo pipefail
subjects=$1 planted=$2

command -v objdump >/dev/null || { echo "objdump is missing (Debian: binutils)" >&2; exit 1; }
if [[ $(uname -m) != x86_64 ]]; then
  echo "SKIPPED: the check knows x86-64's instructions only, this is $(uname -m)"
  exit 77
fi

# Prints the faults of FUNCTION in EXECUTABLE. The last line is "N instructions".
judge() { # EXECUTABLE FUNCTION [memcpy]
  objdump -d --no-show-raw-insn --section=.text "$1" | awk -v name="$2" -v memcpy="${3:-}" '
    $2 == "<" name ">:" { inside = 1; next }
    /^$/ || /^[0-9a-f]+ </ { inside = 0 }
    !inside || !/^ +[0-9a-f]+:/ { next }
    {
      sub(/^ +[0-9a-f]+:[ \t]*/, "")
      ++count
      what = $0
      sub(/^(notrack|bnd) +/, "", what)
      target = what
      if (!sub(/.*</, "", target)) target = ""
      sub(/>.*/, "", target)
      base = target
      sub(/\+0x[0-9a-f]+$/, "", base)
      bad = ""
      if (what ~ /^call/) {
        if (!(memcpy != "" && base ~ /^memcpy(@plt)?$/)) bad = "call"
      } else if (what ~ /^jmp/) {
        if (base != name) bad = "jump away"
      } else if (what ~ /^j/) {
        if (base != name && base != name ".cold") bad = "jump away"
      } else if (what ~ /^lock/) {
        bad = "lock prefix"
      } else if (what ~ /^[mls]fence/) {
        bad = "fence"
      } else if (what ~ /^xchg.*\(/) {
        bad = "exchange with memory"
      } else if (what ~ /^(syscall|sysenter|int) *$/) {
        bad = "system call"
      }
      if (bad != "") print bad ": " $0
    }
    END { print count + 0 " instructions" }'
}

failures=0 found=0
expect() { # clean|dirty EXECUTABLE FUNCTION [memcpy]
  local verdict wrong
  verdict=$(judge "${@:2}")
  wrong=$(sed '$d' <<<"$verdict")
  if [[ $verdict == "0 instructions" ]]; then
    echo "FAILED: $3: not found in $2" >&2
    failures=$((failures + 1))
  elif [[ $1 == clean && -n $wrong ]]; then
    printf 'FAILED: %s: on the straight path:\n%s\n' "$3" "$wrong" >&2
    failures=$((failures + 1))
  elif [[ $1 == dirty && -z $wrong ]]; then
    echo "FAILED: $3: planted, but not found" >&2
    failures=$((failures + 1))
  else
    found=$((found + 1))
    printf '%-30s %s: %s\n' "$3" "$1" "$(tr '\n' ',' <<<"${wrong:-"${verdict##*$'\n'}"}" | sed 's/,$//; s/,/, /g')"
  fi
}

for function in publish_typed publish_64 claim_commit_64 claim_commit_run_time next next_typed; do
  expect clean "$subjects" "fastpath_$function"
done
expect clean "$subjects" fastpath_publish_run_time memcpy

expect clean "$planted" fine_cold
for function in fence mfence lfence sfence seq_cst_store exchange add call tail_call indirect_call \
  indirect_tail_call memcpy call_on_a_branch system_call; do
  expect dirty "$planted" "planted_$function"
done
expect clean "$planted" planted_memcpy memcpy

((failures == 0)) || exit 1
echo "$found functions looked at"
