// Ending on a signal: whatever waits is interrupted, and the exit code becomes 128 + its number.
#ifndef MILLRACE_TOOLS_SHMCTL_SIGNALS_H_
#define MILLRACE_TOOLS_SHMCTL_SIGNALS_H_

namespace millrace {
class Consumer;
class Merge;
class Producer;
}  // namespace millrace

namespace millrace::tool {

// SIGINT, SIGTERM and (unless ignored already, as nohup does) SIGHUP and SIGALRM end the tool in good order.
// SIGPIPE and SIGXFSZ are ignored, so that a failed write answers with EPIPE or EFBIG. System calls are not
// restarted.
// From the first signal on a tick comes every second, so that a call which began to wait just after the
// caller looked at CaughtSignal() is interrupted too.
void InstallSignalHandlers();

int CaughtSignal();  // 0: none yet

// While it lives, a signal calls Interrupt() on the handle. One at a time. The handle must not move.
class InterruptOnSignal {
 public:
  explicit InterruptOnSignal(Producer* producer);
  explicit InterruptOnSignal(Consumer* consumer);
  explicit InterruptOnSignal(Merge* merge);
  ~InterruptOnSignal();
  InterruptOnSignal(const InterruptOnSignal&) = delete;
  InterruptOnSignal& operator=(const InterruptOnSignal&) = delete;
};

}  // namespace millrace::tool

#endif  // MILLRACE_TOOLS_SHMCTL_SIGNALS_H_
