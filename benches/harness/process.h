// SPDX-License-Identifier: Apache-2.0
// The processes of the bench. Pins each one to a core and lets none outlive the driver.
#ifndef MILLRACE_BENCHES_HARNESS_PROCESS_H_
#define MILLRACE_BENCHES_HARNESS_PROCESS_H_

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

namespace millrace::bench {

const std::vector<int>& Cores();     // the cores that this program may use, in order
int CoreOfProducer();                // the first core
int CoreOfConsumer(int index);       // the other cores in turn, or the only one
bool Oversubscribed(int consumers);  // are there more processes than cores?
std::string PinningInWords();
void PinTo(int core);

// Runs `body` in a pinned child that dies with the driver. If `body` throws, the child stores the text in
// `failure` (unless that is null) and exits with code 1.
pid_t Spawn(int core, const std::function<void()>& body, char* failure, size_t failure_bytes);
// Waits for the child's end, and kills the child after `at_most_seconds`. Returns true if the child ended by
// itself with exit code 0.
bool Reap(pid_t child, double at_most_seconds);

// After a signal to stop the driver, the next ThrowIfInterrupted throws, so that destructors clean up. The
// driver calls it between slices.
void InstallInterruptHandlers();
void ThrowIfInterrupted();

// Returns the prefix of the names of everything that this driver creates in /dev/shm, and of its message
// queues.
std::string NamePrefix();
std::string UniqueName();
void RemoveLeftovers();

}  // namespace millrace::bench

#endif  // MILLRACE_BENCHES_HARNESS_PROCESS_H_
