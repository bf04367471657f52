// SPDX-License-Identifier: Apache-2.0
// Checks the result of each consumer and removes the ring.
#ifndef MILLRACE_EXAMPLES_DEMO_VERDICT_H_
#define MILLRACE_EXAMPLES_DEMO_VERDICT_H_

#include "cast.h"
#include "scoreboard.h"
#include "settings.h"

namespace demo {

// Prints a PASS or FAIL line for each consumer. Returns true if the producer and all consumers pass.
bool Judge(const Settings& settings, const Scoreboard& board, const Cast& cast);

// Removes the ring and prints which of its files are left. Returns true if none is.
bool CleanUp(const Settings& settings);

}  // namespace demo

#endif  // MILLRACE_EXAMPLES_DEMO_VERDICT_H_
