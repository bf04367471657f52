#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A client in Rust, made by rustc alone, reads what a C++ program publishes.
# usage: rust_test.sh WORK SOURCE LIBRARY PEER
set -euo pipefail
work=$1 source=$2 library=$3 peer=$4
ring=c_test-rust-$$
command -v rustc >/dev/null || { echo "SKIPPED: rustc is missing (Debian: rustc)" >&2; exit 77; }
rm -rf "$work"
mkdir -p "$work"
lines=$(wc -l <"$source/examples/client.rs")
((lines < 80)) || { echo "FAILED: examples/client.rs has $lines lines" >&2; exit 1; }
rustc --edition 2021 -O -L "$(dirname "$library")" -C "link-arg=-Wl,-rpath,$(dirname "$library")" \
  -o "$work/client" "$source/examples/client.rs"
trap 'rm -f /dev/shm/$ring.*' EXIT
timeout 60 "$peer" publish "$ring" 1000 &
publisher=$!
timeout 60 "$work/client" "$ring" >"$work/output"
wait "$publisher"
diff "$work/output" <(for i in {0..999}; do echo "$i: message $i"; done)
echo "1000 messages from C++ to Rust"
