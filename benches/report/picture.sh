#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Prints the README's picture, taken from a page of the bench. Needs Chromium.
#   benches/report/picture.sh build/bench/index.html > benches/results/throughput.svg
set -euo pipefail
page=$(realpath "$1")
browser=$(command -v chromium chromium-browser google-chrome | head -n 1) ||
  { echo "picture.sh: found no Chromium; install the package chromium" >&2; exit 3; }
dom=$("$browser" --headless --no-sandbox --disable-gpu --dump-dom "file://$page#picture" 2>/dev/null)
[[ $dom == *'data-drawn="yes"'* && $dom == *'<svg'* ]] || { echo "picture.sh: $page drew no picture" >&2; exit 1; }
svg=${dom#*<svg}
echo "<svg${svg%%</svg>*}</svg>"
