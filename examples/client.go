// SPDX-License-Identifier: Apache-2.0
// A consumer in Go (cgo); the installed library is found by pkg-config:
//   CGO_CFLAGS=$(pkg-config --cflags millrace-c) CGO_LDFLAGS=$(pkg-config --libs millrace-c) go run examples/client.go RING
package main

// #cgo LDFLAGS: -lmillrace
// #include <millrace.h>
// #include <stdlib.h>
//
// // cgo cannot use macros that are no plain numbers.
// static int open_ring(const char* name, struct millrace_consumer** out) {
//   struct millrace_consumer_options options = MILLRACE_CONSUMER_OPTIONS_INIT;
//   options.open_timeout_ns = MILLRACE_FOREVER;
//   return millrace_consumer_open(name, MILLRACE_LOSSLESS, &options, out);
// }
import "C"

import (
	"fmt"
	"os"
	"unsafe"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: client RING")
		os.Exit(2)
	}
	name := C.CString(os.Args[1])
	defer C.free(unsafe.Pointer(name))
	var consumer *C.struct_millrace_consumer
	if C.open_ring(name, &consumer) != 0 {
		fmt.Fprintln(os.Stderr, C.GoString(C.millrace_error_text()))
		os.Exit(1)
	}
	defer C.millrace_consumer_free(consumer)
	// One call into C brings up to 64 messages.
	var messages [64]C.struct_millrace_message
	var count C.size_t
	for C.millrace_read_many(consumer, &messages[0], 64, C.INT64_MAX, &count) == C.MILLRACE_GOT_MESSAGE {
		for _, message := range messages[:count] {
			bytes := C.GoBytes(message.data, C.int(message.size))
			fmt.Printf("%d: %s\n", uint64(message.sequence), bytes)
		}
	}
	C.millrace_consumer_status(consumer)
	fmt.Fprintln(os.Stderr, C.GoString(C.millrace_error_text()))
}
