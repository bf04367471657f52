// SPDX-License-Identifier: Apache-2.0
// Ends the tool on a signal: interrupts any wait, and makes the exit code 128 + the signal's number.
#ifndef MILLRACE_TOOLS_SHMCTL_IO_SIGNALS_H_
#define MILLRACE_TOOLS_SHMCTL_IO_SIGNALS_H_

namespace millrace {
class Consumer;
class Merge;
class Producer;
}  // namespace millrace

namespace millrace::tool {

// Installs the handlers. SIGINT and SIGTERM end the tool in good order, and so do SIGHUP and SIGALRM unless
// they are already ignored (as nohup does). SIGPIPE and SIGXFSZ are ignored, so that a failed write returns
// EPIPE or EFBIG. System calls are not restarted.
// A call may begin to wait just after its caller looked at CaughtSignal(). So after the first signal a tick
// interrupts such calls every second.
void InstallSignalHandlers();

int CaughtSignal();  // 0: none yet

// Makes a signal call Interrupt() on the handle while this object lives. Only one may live at a time. The
// handle must not move.
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

#endif  // MILLRACE_TOOLS_SHMCTL_IO_SIGNALS_H_
