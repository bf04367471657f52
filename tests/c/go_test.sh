#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A client in Go (cgo) reads what a C++ program publishes.
# usage: go_test.sh WORK SOURCE LIBRARY PEER
set -euo pipefail
work=$1 source=$2 library=$3 peer=$4
ring=c_test-go-$$
command -v go >/dev/null || { echo "SKIPPED: go is missing (Debian: golang-go)" >&2; exit 77; }
rm -rf "$work"
mkdir -p "$work"
lines=$(wc -l <"$source/examples/client.go")
((lines < 80)) || { echo "FAILED: examples/client.go has $lines lines" >&2; exit 1; }
folder=$(dirname "$library")
export GOCACHE=$work/cache GOFLAGS=-mod=mod GO111MODULE=off CGO_CFLAGS="-I$source/include"
export CGO_LDFLAGS="-L$folder -Wl,-rpath,$folder"
go build -o "$work/client" "$source/examples/client.go"
trap 'rm -f /dev/shm/$ring.*' EXIT
timeout 60 "$peer" publish "$ring" 1000 &
publisher=$!
timeout 60 "$work/client" "$ring" >"$work/output"
wait "$publisher"
diff "$work/output" <(for i in {0..999}; do echo "$i: message $i"; done)
echo "1000 messages from C++ to Go"
