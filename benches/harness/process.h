// The bench's processes: which core each runs on, and that none outlives the driver.
#ifndef MILLRACE_BENCHES_HARNESS_PROCESS_H_
#define MILLRACE_BENCHES_HARNESS_PROCESS_H_

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

namespace millrace::bench {

const std::vector<int>& Cores();     // those this program may use, in order
int CoreOfProducer();                // the first
int CoreOfConsumer(int index);       // the others in turn; with one core, that one
bool Oversubscribed(int consumers);  // more processes than cores
std::string PinningInWords();
void PinTo(int core);

// Runs `body` in a pinned child that dies with the driver. An exception in it becomes `failure` (if any) and
// exit 1.
pid_t Spawn(int core, const std::function<void()>& body, char* failure, size_t failure_bytes);
// Waits at most so long, then kills. true: it ended by itself, with exit code 0.
bool Reap(pid_t child, double at_most_seconds);

// A signal asked the driver to stop: throws, so that destructors clean up. Called between slices.
void InstallInterruptHandlers();
void ThrowIfInterrupted();

// Prefix of the names of everything this driver creates in /dev/shm and of its message queues.
std::string NamePrefix();
std::string UniqueName();
void RemoveLeftovers();

}  // namespace millrace::bench

#endif  // MILLRACE_BENCHES_HARNESS_PROCESS_H_
