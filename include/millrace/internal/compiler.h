// SPDX-License-Identifier: Apache-2.0
// Stops a compiler that cannot read the other headers with one message instead of hundreds of lines.
//
// Every public header includes this one before anything else. #error alone does not end a compilation, but a
// missing file does: there is no file "millrace/stop".
#ifndef MILLRACE_INTERNAL_COMPILER_H_
#define MILLRACE_INTERNAL_COMPILER_H_

#if __cplusplus < 202002L
#error "millrace needs C++20: compile with -std=c++20 or later"
#include "millrace/stop"
#endif

#include <version>

#ifndef __cpp_lib_atomic_ref
#error "millrace needs atomic_ref of C++20: take libstdc++ 10 or later, or libc++ 19 or later"
#include "millrace/stop"
#endif

#endif  // MILLRACE_INTERNAL_COMPILER_H_
