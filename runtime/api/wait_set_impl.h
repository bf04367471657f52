// SPDX-License-Identifier: Apache-2.0
// The compiled half of a WaitSet.
#ifndef MILLRACE_RUNTIME_API_WAIT_SET_IMPL_H_
#define MILLRACE_RUNTIME_API_WAIT_SET_IMPL_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "millrace/internal/parking.h"
#include "millrace/wait_set.h"
#include "runtime/os/fork.h"

namespace millrace::internal {

class WaitSetImpl final : public os::ForkAware {
 public:
  WaitSetImpl();
  ~WaitSetImpl() override;
  void InForkedChild() noexcept override { forked_ = true; }

  struct Entry {
    ConsumerHot* consumer;  // null: the consumer has left the set, and may be destroyed
    WaitSet::Handler handler;
    uint32_t source;     // number of the consumer in a Merge
    bool empty = false;  // the consumer reported so after `state` was read
    uint64_t state = 0;
  };
  // The entry whose turn it was, and what it had: a message, or the reason why it has no more.
  struct Turn {
    std::shared_ptr<Entry> entry;
    Received received = Got::kEmpty;
  };

  // Returns true if this ring will report nothing more. After kNoMemory the consumer may be called again.
  static bool HasEnded(const Received& received) { return !received && received.why() != Got::kNoMemory; }

  // `call` is for the error text.
  absl::Status Add(ConsumerHot& consumer, WaitSet::Handler handler, uint32_t source, const char* call);
  absl::Status Remove(ConsumerHot& consumer);
  void Forget(ConsumerHot& consumer);  // requires that it is in this set
  void ForgetSource(uint32_t source);  // no effect if the set has no such source
  // Returns kMessage if *turn says whose turn it was. The caller must Forget a consumer that HasEnded.
  Got Take(int64_t timeout_ns, Turn* turn);
  // Takes a turn and passes its result to the handler of its entry.
  Got WaitFor(int64_t timeout_ns);
  void Interrupt() noexcept;
  size_t size() const { return entries_.size(); }

 private:
  bool Interrupted() const;
  // Returns true if there is anything to do for this entry, or if its consumer was not called yet.
  bool Pending(const Entry& entry) const;
  // Takes the turn of the next ring that has something. Returns false if no ring has.
  bool TakeTurn(Turn* turn);
  void Hand(const Turn& turn);
  millrace::Wait HowToWait() const;
  bool Spin(int64_t budget_ns) const;
  Parked Sleep(int64_t at_most_ns);
  // Makes TakeTurn call every consumer now and then, even if nothing points to it and whatever the other
  // rings do. Neither a wake nor a word reports messages of dead members of a group, the end of a group, or
  // removal by rm.
  void AskAllNowAndThen();

  std::vector<std::shared_ptr<Entry>> entries_;
  size_t next_ = 0;  // index of the entry whose turn it is
  SpinBudget spin_;
  std::vector<WaitedRing> rings_;
  int64_t last_asked_ns_ = 0;  // when all consumers were last called, on the coarse clock
  bool serving_ = false;       // inside a handler
  bool forked_ = false;
  std::atomic<bool> interrupted_{false};
  const os::ForkRegistration registration_{this};
};

}  // namespace millrace::internal

#endif  // MILLRACE_RUNTIME_API_WAIT_SET_IMPL_H_
