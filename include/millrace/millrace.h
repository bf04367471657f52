// millrace: a lock-free message queue between processes on one Linux machine. C++20.
//
// One producer writes a named ring in POSIX shared memory, any number of consumers read it. No exception
// comes from this library, it installs no signal handler, and a signal never ends a wait.
//
// Comments of these headers cite PROTOCOL.md, the description of the shared memory. It is installed in
// share/doc/millrace.
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
#include "millrace/segment_manager.h"
#include "millrace/sigbus_guard.h"
#include "millrace/typed.h"
#include "millrace/version.h"
#include "millrace/wait_set.h"

#endif  // MILLRACE_MILLRACE_H_
