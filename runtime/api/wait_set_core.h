// The compiled half of a WaitSet.
#ifndef MILLRACE_RUNTIME_API_WAIT_SET_CORE_H_
#define MILLRACE_RUNTIME_API_WAIT_SET_CORE_H_

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

class WaitSetCore final : public os::ForkAware {
 public:
  WaitSetCore();
  ~WaitSetCore() override;
  void InForkedChild() noexcept override { forked_ = true; }

  struct Member {
    ConsumerCore* consumer;  // null: it has left the set, and may be gone
    WaitSet::Handler handler;
    uint32_t source;     // its number in a Merge
    bool empty = false;  // it said so, and after `state` was read
    uint64_t state = 0;
  };
  // Whose turn it was, and what it had: a message, or the reason why it has no more.
  struct Turn {
    std::shared_ptr<Member> member;
    Received received = Got::kEmpty;
  };

  // Will this ring say nothing more? Without memory for a copy it may be asked again.
  static bool HasEnded(const Received& received) { return !received && received.why() != Got::kNoMemory; }

  // `call`: for the error text.
  absl::Status Add(ConsumerCore& consumer, WaitSet::Handler handler, uint32_t source, const char* call);
  absl::Status Remove(ConsumerCore& consumer);
  void Forget(ConsumerCore& consumer);  // it is in this set and leaves it
  void ForgetSource(uint32_t source);   // the same, if there is one of that number
  // kMessage: *turn says whose turn it was. The caller Forgets a consumer that HasEnded.
  Got Take(int64_t timeout_ns, Turn* turn);
  // The same, and hands it to the handler.
  Got WaitFor(int64_t timeout_ns);
  void Interrupt() noexcept;
  size_t size() const { return members_.size(); }

 private:
  bool Interrupted() const;
  // Is there anything to do for this member? True as well where nobody has asked it yet.
  bool Pending(const Member& member) const;
  // The turn of the next ring that has something. false: none has.
  bool TakeTurn(Turn* turn);
  void Hand(const Turn& turn);
  millrace::Wait HowToWait() const;
  bool Spin(int64_t budget_ns) const;
  Parked Sleep(int64_t at_most_ns);
  // Makes TakeTurn ask every member, whether or not anything points to it: what no wake and no word tells
  // (messages of dead members of a group, the end of a group, removal by rm) is found by asking. Whatever the
  // other rings do.
  void AskAllNowAndThen();

  std::vector<std::shared_ptr<Member>> members_;
  size_t next_ = 0;  // whose turn it is
  SpinBudget spin_;
  std::vector<WaitedRing> rings_;
  int64_t last_asked_ns_ = 0;  // all members; on the coarse clock
  bool serving_ = false;       // inside a handler
  bool forked_ = false;
  std::atomic<bool> interrupted_{false};
};

}  // namespace millrace::internal

#endif  // MILLRACE_RUNTIME_API_WAIT_SET_CORE_H_
