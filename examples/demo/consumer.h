// SPDX-License-Identifier: Apache-2.0
// The processes that read the file from the ring, each with its own kind of delivery.
#ifndef MILLRACE_EXAMPLES_DEMO_CONSUMER_H_
#define MILLRACE_EXAMPLES_DEMO_CONSUMER_H_

#include <cstdint>

#include "scoreboard.h"
#include "settings.h"

namespace demo {

// Reads from the position in the row's checkpoint to the end of the stream. Checks every message and saves a
// checkpoint after each. After `wait_for_kill_at` messages, waits to be killed. Returns the exit code of its
// process.
int RunConsumer(const Settings& settings, const Role& role, uint64_t wait_for_kill_at, ConsumerRow& row);

}  // namespace demo

#endif  // MILLRACE_EXAMPLES_DEMO_CONSUMER_H_
