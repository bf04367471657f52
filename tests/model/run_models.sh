#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Checks the protocol models: every run listed in models.txt must end the way its line says.
#
#   run_models.sh [--long] [--replay] [--jobs N] [--model NAME | PATTERN]
#
#   --long        also the runs marked long
#   --replay      print for every run that fails, intended or not, how to see the failure
#   --jobs N      N runs at the same time, 2 unless set
#   --model NAME  all runs of this model
#   PATTERN       only the runs whose line matches this extended regular expression
#
# Exit code: 0 every run ended as expected; 1 one did not, or the table is not fit to be trusted;
# 2 usage; 3 spin or gcc is missing.  SPIN and CC name other programs than spin and gcc.
set -eu -o pipefail
set -m # every run in a process group of its own, so that an interrupted run can be ended as a whole

readonly default_depth=-m100000
readonly spin=${SPIN:-spin} cc=${CC:-gcc}
readonly cflags=(-O2 -DSAFETY -DCOLLAPSE -w)
folder=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly folder table=$folder/models.txt

usage() {
  echo "usage: run_models.sh [--long] [--replay] [--jobs N] [--model NAME | PATTERN]" >&2
  exit 2
}

want_long=no replay_all=no at_once=2 only_model='' pattern=''
while (($#)); do
  case $1 in
    --long) want_long=yes ;;
    --replay) replay_all=yes ;;
    --jobs) [[ ${2:-} =~ ^[1-9][0-9]?$ ]] || usage; at_once=$2; shift ;;
    --model) [[ -n ${2:-} ]] || usage; only_model=$2; shift ;;
    -*) usage ;;
    *) [[ -z $pattern ]] || usage; pattern=$1 ;;
  esac
  shift
done
[[ -z $only_model || -z $pattern ]] || usage

for program in "$spin" "$cc"; do
  if ! command -v "$program" >/dev/null; then
    echo "run_models.sh: $program is not installed: the protocol models cannot be checked" >&2
    exit 3
  fi
done

work=$(mktemp -d "${TMPDIR:-/tmp}/millrace-models.XXXXXX")
readonly work
cleanup() {
  local job
  for job in $(jobs -p); do
    kill -KILL -- "-$job" 2>/dev/null || true
  done
  rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# The table ---------------------------------------------------------------------------------------

models=() expectations=() defines=() limits=() # one element per run to be made
declare -A holds_lines=() fails_lines=() short_defines=()
faults=0

fault() {
  echo "models.txt: $*" >&2
  faults=$((faults + 1))
}

read_table() {
  local line model expectation options option run_defines run_limits is_long
  while IFS= read -r line || [[ -n $line ]]; do
    line=${line%%#*}
    read -r model expectation options <<<"$line"
    [[ -n $model ]] || continue
    run_defines='' run_limits='' is_long=no
    for option in $options; do
      case $option in
        -D*)
          run_defines+=" $option"
          option=${option#-D}
          grep -qsw -- "${option%%=*}" "$folder/$model.pml" ||
            fault "$model: $option means nothing to this model"
          ;;
        -m* | -w*) run_limits+=" $option" ;;
        long) is_long=yes ;;
        *) fault "$model: unknown option $option" ;;
      esac
    done
    [[ -f $folder/$model.pml ]] || fault "$model: there is no $model.pml"
    if [[ $is_long == no ]]; then
      short_defines[$model]+="$run_defines "
      case $expectation in
        holds) holds_lines[$model]=yes ;;
        fails:*) fails_lines[$model]=yes ;;
      esac
    fi
    case $expectation in
      holds | fails:assertion | fails:deadlock) ;;
      *) fault "$model: unknown expectation ${expectation:-(none)}" ;;
    esac
    [[ $is_long == no || $want_long == yes ]] || continue
    [[ -z $only_model || $model == "$only_model" ]] || continue
    [[ "$model $expectation $options" =~ $pattern ]] || continue
    models+=("$model")
    expectations+=("$expectation")
    defines+=("${run_defines# }")
    limits+=("${run_limits:-$default_depth}")
  done <"$table"
}

# Names that a model tests with #if but does not define itself: its variants.
switches() {
  local name
  { grep -E '^ *#(if|elif)' "$1" || true; } |
    { grep -oE '[A-Z][A-Z_]+' || true; } | sort -u |
    while read -r name; do
      grep -qE "^ *#define $name\b" "$1" || echo "$name"
    done
}

# Every model has a run that holds, a planted bug, and no variant that nothing runs.
judge_table() {
  local file model name
  for file in "$folder"/*.pml; do
    model=$(basename "$file" .pml)
    [[ -n ${holds_lines[$model]:-} ]] || fault "$model: no run that is expected to hold"
    [[ -n ${fails_lines[$model]:-} ]] || fault "$model: no planted bug: no run expected to fail"
    for name in $(switches "$file"); do
      [[ ${short_defines[$model]:-} =~ " -D$name"[\ =] ]] || fault "$model: no run uses -D$name"
    done
  done
  [[ ${#models[@]} -gt 0 ]] || fault "no run matches '$only_model$pattern'"
}

# One run -----------------------------------------------------------------------------------------

# Leaves in $work/N.result: found, states, depth limit reached (yes or no), what is wrong with it.
# Leaves in $work/N.unreached: places of assertions that this run never reached.
run() {
  local number=$1 model=$2 run_defines=$3 run_limits=$4
  local directory=$work/$number
  local found=error states=0 depth=no wrong=''

  mkdir "$directory"
  cp "$folder/$model.pml" "$directory"
  cd "$directory"
  # shellcheck disable=SC2086 # options are words
  if ! "$spin" $run_defines -a "$model.pml" >output 2>&1; then
    wrong="spin: $(head -n 1 output)"
  elif ! "$cc" "${cflags[@]}" -o pan pan.c >output 2>&1; then
    wrong="$cc: $(head -n 1 output)"
  elif ! ./pan $run_limits >output 2>&1; then
    wrong="pan ended with an error: $(tail -n 1 output)"
  else
    states=$(awk '/states, stored/ { n = $1 } END { printf "%d", n }' output)
    if grep -q 'max search depth too small' output; then depth=yes; fi
    if ! grep -q 'errors: ' output || ! grep -Eq 'assertion violations[[:space:]]+\+' output ||
      ! grep -Eq 'invalid end states[[:space:]]+\+' output; then
      wrong='not a search for assertions and deadlocks'
    elif grep -q '^pan:1: assertion violated' output; then
      found=fails:assertion
    elif grep -q '^pan:1: invalid end state' output; then
      found=fails:deadlock
    elif ! grep -q 'errors: 0' output; then
      wrong=$(grep -m 1 '^pan' output || echo 'pan found an error of another kind')
    elif [[ $depth == yes ]]; then
      wrong='the depth limit was reached'
    elif grep -q 'Search not completed' output; then
      wrong='the search was not completed'
    elif [[ $states -eq 0 ]]; then
      wrong='no state was explored'
    elif grep -q '"-end-"' output; then
      wrong="the end of a process was never reached: $(grep -m 1 '"-end-"' output | tr -d '\t')"
    else
      found=holds
    fi
    # assert(false) is meant not to be reached.
    sed -n 's/^[[:space:]]*\([a-z_]*\.pml:[0-9]*\), state.*"assert(.*/&/p' output |
      grep -vF '"assert(0)"' | sed 's/^[[:space:]]*\([a-z_.]*:[0-9]*\),.*/\1/' \
      >"$work/$number.unreached" || true
  fi
  printf '%s\n' "$found" "$states" "$depth" "$wrong" >"$work/$number.result.part"
  cd "$work"
  rm -rf "$directory"
  mv "$work/$number.result.part" "$work/$number.result"
}

# All runs ---------------------------------------------------------------------------------------

passed=0 failed=0 total_states=0
declare -A runs_that_hold=() unreached=()

print_replay() {
  local model=$1 run_defines=$2 run_limits=$3
  # shellcheck disable=SC2016 # the reader's shell expands it
  printf '  to replay: (cd "$(mktemp -d)" && cp %q .' "$folder/$model.pml"
  printf ' && %s' "$spin ${run_defines:+$run_defines }-a $model.pml" \
    "$cc ${cflags[*]} -o pan pan.c" "./pan ${run_limits# }" \
    "$spin -t -p -g -l ${run_defines:+$run_defines }$model.pml)"
  echo
}

report() {
  local number=$1 found states depth wrong place verdict=ok
  local model=${models[number]} expected=${expectations[number]}
  { read -r found; read -r states; read -r depth; IFS= read -r wrong; } <"$work/$number.result"
  total_states=$((total_states + states))
  if [[ $found == "$expected" ]]; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    verdict=WRONG
  fi
  printf '%-5s  %-13s  %-15s  %-15s  %10d  %-5s  %s\n' \
    "$verdict" "$model" "$expected" "$found" "$states" "$depth" "${defines[number]}"
  [[ -z $wrong ]] || echo "  $wrong"
  if [[ $found != holds && ($verdict == WRONG || $replay_all == yes) ]]; then
    print_replay "$model" "${defines[number]}" "${limits[number]}"
  fi
  if [[ $found == holds ]]; then
    runs_that_hold[$model]=$((${runs_that_hold[$model]:-0} + 1))
    while read -r place; do
      unreached[$place]=$((${unreached[$place]:-0} + 1))
    done <"$work/$number.unreached"
  fi
}

# An assertion that no run of its model reaches proves nothing.
judge_assertions() {
  local place
  for place in "${!unreached[@]}"; do
    if [[ ${unreached[$place]} -eq ${runs_that_hold[${place%%.pml:*}]} ]]; then
      echo "the assertion at $place is never reached"
      failed=$((failed + 1))
    fi
  done
}

main() {
  local started=0 running=0 reported=0
  read_table
  judge_table
  if [[ $faults -gt 0 ]]; then
    echo "0 passed, $faults failed: models.txt is not fit to be trusted"
    exit 1
  fi

  printf '%-5s  %-13s  %-15s  %-15s  %10s  %-5s  %s\n' '' model expected found states depth defines
  while [[ $reported -lt ${#models[@]} ]]; do
    while [[ $running -lt $at_once && $started -lt ${#models[@]} ]]; do
      run "$started" "${models[started]}" "${defines[started]}" "${limits[started]}" &
      started=$((started + 1))
      running=$((running + 1))
    done
    if ! wait -n; then
      echo "run_models.sh: a run ended without a result" >&2
      exit 1
    fi
    running=$((running - 1))
    while [[ -f $work/$reported.result ]]; do
      report "$reported"
      reported=$((reported + 1))
    done
  done
  [[ -n $pattern ]] || judge_assertions

  echo "$passed passed, $failed failed; $total_states states in $SECONDS s"
  [[ $failed -eq 0 ]]
}

main
