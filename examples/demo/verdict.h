// What the demo proves, consumer by consumer.
#ifndef MILLRACE_EXAMPLES_DEMO_VERDICT_H_
#define MILLRACE_EXAMPLES_DEMO_VERDICT_H_

#include "cast.h"
#include "scoreboard.h"
#include "settings.h"

namespace demo {

// Prints a PASS or FAIL line for each consumer. True if all pass.
bool Judge(const Settings& settings, const Scoreboard& board, const Cast& cast);

// Removes the ring, looks whether anything of it is left and says so. True if nothing is.
bool CleanUp(const Settings& settings);

}  // namespace demo

#endif  // MILLRACE_EXAMPLES_DEMO_VERDICT_H_
