// The processes that read the file from the ring, each by its own contract.
#ifndef MILLRACE_EXAMPLES_DEMO_CONSUMER_H_
#define MILLRACE_EXAMPLES_DEMO_CONSUMER_H_

#include <cstdint>

#include "scoreboard.h"
#include "settings.h"

namespace demo {

// Reads to the end of the stream, from where the row's checkpoint stands, proves every message and saves a
// checkpoint after each. Having received `wait_for_kill_at` messages, it waits to be killed. Returns the exit
// code of its process.
int RunConsumer(const Settings& settings, const Role& role, uint64_t wait_for_kill_at, ConsumerRow& row);

}  // namespace demo

#endif  // MILLRACE_EXAMPLES_DEMO_CONSUMER_H_
