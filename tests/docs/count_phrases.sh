#!/usr/bin/env bash
# Counts banned phrases in comments, Markdown and help texts.
# usage: count_phrases.sh PHRASES [--strict]      --strict: any phrase is a failure, and each place is shown
set -euo pipefail
phrases=$1 strict=${2:-}
cd "$(dirname "$0")/../.."

# Prints every line that people read, as PATH:NUMBER:TEXT: all Markdown, the comments of shell and C++, and
# the string literals of the tools, which contain their help.
prose() {
  git grep -nI '' -- '*.md' ':!benches/results'
  git grep -nIE '//' -- '*.cc' '*.h' | sed -E 's|^([^:]+:[0-9]+:).*(//.*)$|\1\2|'
  git grep -nIE '"' -- 'tools/shmctl/*.cc' | grep -v '//' || true
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
  pattern=${line%% => *} instead=${line#* => }
  [[ $line == *' => '* ]] || { echo "$phrases: no \" => \" in: $line" >&2; exit 1; }
  # In a pattern, "^" is the beginning of the text, not of the path before it.
  search=$pattern
  [[ $search == '^'* ]] && search="^[^:]+:[0-9]+:${search#^}"
  count=$(grep -cP -- "$search" "$text" || true)
  printf '%5d  %s => %s\n' "$count" "$pattern" "$instead"
  [[ $strict != --strict ]] || grep -nP -- "$search" "$text" | cut -d: -f2- | head -20 || true
  total=$((total + count)) patterns=$((patterns + 1))
done <"$phrases"
((patterns > 0)) || { echo "$phrases lists no phrase" >&2; exit 1; }
echo "$total places in $lines lines of prose"
[[ $strict != --strict || $total -eq 0 ]]
