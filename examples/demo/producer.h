// SPDX-License-Identifier: Apache-2.0
// The process that streams the file.
#ifndef MILLRACE_EXAMPLES_DEMO_PRODUCER_H_
#define MILLRACE_EXAMPLES_DEMO_PRODUCER_H_

#include "scoreboard.h"
#include "settings.h"

namespace demo {

// Creates the ring, waits for the lossless consumers, reads the file chunk by chunk directly into the ring,
// and closes the ring. Returns the exit code of its process.
int RunProducer(const Settings& settings, ProducerRow& row);

}  // namespace demo

#endif  // MILLRACE_EXAMPLES_DEMO_PRODUCER_H_
