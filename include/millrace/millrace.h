// SPDX-License-Identifier: Apache-2.0
// millrace: a lock-free message queue between processes on one Linux machine. C++20.
//
// One producer writes a named ring in POSIX shared memory, and any number of consumers read it. The library
// throws no exception and installs no signal handler (unless InstallSigbusGuard is called). A signal never
// ends a wait.
//
// This header includes the whole interface except millrace/testing.h. Read producer.h, consumer.h and
// options.h first. Comments cite pages such as protocol/publish.md, which describe the shared memory. They are
// in share/doc/millrace.
#ifndef MILLRACE_MILLRACE_H_
#define MILLRACE_MILLRACE_H_

#include "millrace/internal/compiler.h"  // first

#include "millrace/batch.h"
#include "millrace/consumer.h"
#include "millrace/error.h"
#include "millrace/merge.h"
#include "millrace/options.h"
#include "millrace/outcome.h"
#include "millrace/producer.h"
#include "millrace/ring_info.h"
#include "millrace/segment_manager.h"
#include "millrace/sigbus_guard.h"
#include "millrace/typed.h"
#include "millrace/version.h"
#include "millrace/wait_set.h"

#endif  // MILLRACE_MILLRACE_H_
