// The compiled half of a WaitSet.
#ifndef MILLRACE_RUNTIME_API_WAIT_SET_CORE_H_
#define MILLRACE_RUNTIME_API_WAIT_SET_CORE_H_

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

  absl::Status Add(ConsumerCore& consumer, WaitSet::Handler handler);
  absl::Status Remove(ConsumerCore& consumer);
  void Forget(ConsumerCore& consumer);  // it is in this set and leaves it
  Got WaitFor(int64_t timeout_ns);
  void Interrupt() noexcept;
  size_t size() const { return members_.size(); }

 private:
  struct Member {
    ConsumerCore* consumer;
    WaitSet::Handler handler;
    bool empty = false;  // it said so, and after `state` was read
    uint64_t state = 0;
  };

  bool Interrupted() const;
  // Is there anything to do for this member? True as well where nobody has asked it yet.
  bool Pending(const Member& member) const;
  // Serves the next ring that has something. false: none has.
  bool Serve();
  void Hand(std::shared_ptr<Member> member, const Received& received);
  millrace::Wait HowToWait() const;
  bool Spin(int64_t budget_ns) const;
  void Sleep(int64_t at_most_ns);
  void LookAtNames(int64_t now);

  std::vector<std::shared_ptr<Member>> members_;
  size_t next_ = 0;  // whose turn it is
  SpinBudget spin_;
  std::vector<WaitedRing> rings_;
  int64_t last_asked_ns_ = 0;  // all members, whether or not anything pointed to them
  bool serving_ = false;       // inside a handler
  bool forked_ = false;
  uint32_t interrupted_ = 0;  // a futex of its own, and of one process
};

}  // namespace millrace::internal

#endif  // MILLRACE_RUNTIME_API_WAIT_SET_CORE_H_
