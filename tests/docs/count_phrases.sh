#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Counts banned phrases in comments, Markdown, help texts and error messages.
# usage: count_phrases.sh PHRASES [--strict]      --strict: any phrase is a failure, and each place is shown
# A line of PHRASES is [PATH: ]PATTERN => ADVICE[ <= EXAMPLE]. PATH limits the pattern to files whose path begins so.
# PATTERN must match its EXAMPLE, so that no line of the list is without effect.
set -euo pipefail
phrases=$1 strict=${2:-}
cd "$(dirname "$0")/../.."

# Prints every line that people read, as PATH:NUMBER:TEXT: all Markdown, the comments of shell and C++, and
# the string literals of the product, which contain its help and its error messages.
prose() {
  git grep -nI '' -- '*.md' ':!benches/results'
  git grep -nIE '//' -- '*.cc' '*.h' | sed -E 's|^([^:]+:[0-9]+:).*(//.*)$|\1\2|'
  git grep -nIE '"' -- 'tools/*.cc' 'runtime/*.cc' 'examples/*.cc' | grep -v '//' || true
  git grep -nIE '^ *#' -- '*.sh' '*.cmake' '*CMakeLists.txt' tools/dev tools/check
}

text=$(mktemp)
trap 'rm -f "$text"' EXIT
prose >"$text"
lines=$(wc -l <"$text")
((lines > 1000)) || { echo "count_phrases.sh: only $lines lines of prose were found" >&2; exit 1; }

total=0 patterns=0
while IFS= read -r line; do
  [[ -n $line && $line != '#'* ]] || continue
  [[ $line == *' => '* ]] || { echo "$phrases: no \" => \" in: $line" >&2; exit 1; }
  pattern=${line%% => *} instead=${line#* => } path='[^:]+' example=
  [[ $instead == *' <= '* ]] && example=${instead#* <= } instead=${instead%% <= *}
  [[ $pattern == *': '* ]] && path="(?:${pattern%%: *})[^:]*" pattern=${pattern#*: }
  if [[ -n $example ]] && ! grep -qP -- "$pattern" <<<"$example"; then
    echo "$phrases: \"$pattern\" does not find its example \"$example\"" >&2
    exit 1
  fi
  # In a pattern, "^" is the beginning of the text, not of the path before it.
  search="^$path:[0-9]+:.*(?:$pattern)"
  [[ $pattern == '^'* ]] && search="^$path:[0-9]+:(?:${pattern#^})"
  count=$(grep -cP -- "$search" "$text" || true)
  printf '%5d  %s => %s\n' "$count" "$pattern" "$instead"
  [[ $strict != --strict ]] || grep -nP -- "$search" "$text" | cut -d: -f2- | head -20 || true
  total=$((total + count)) patterns=$((patterns + 1))
done <"$phrases"
((patterns > 0)) || { echo "$phrases lists no phrase" >&2; exit 1; }
echo "$total places in $lines lines of prose"
[[ $strict != --strict || $total -eq 0 ]]
