// The machine's half that stands in for the kernel: futexes and locks, with what they guarantee and no more.
#include "tests/checker/machine.h"

namespace millrace::checker {

Machine::Queue& Machine::QueueOf(const void* word) {
  for (size_t i = 0; i < queues_used_; ++i) {
    if (queues_[i].word == word) return queues_[i];
  }
  if (queues_used_ == queues_.size()) queues_.emplace_back();
  Queue& queue = queues_[queues_used_++];
  queue.word = word;
  queue.history = 0;
  memory_.Clear(&queue.view);
  return queue;
}

// The comparison happens under the lock of the futex queue: a wake that came before it has made its store
// visible. One that comes later finds the sleeper.
bool Machine::FutexWait(const uint32_t* address, uint64_t seen) {
  Step(Site::W1);
  Queue& queue = QueueOf(address);
  memory_.Take(self_, queue.view);
  Observe(queue.history);
  const uint32_t word = memory_.WordAt(address, 4);
  uint32_t choice = 0;
  const uint32_t choices = memory_.LoadChoices(self_, word);
  if (choices > 1 && Allowance(values_, bounds_.values) != 0)
    choice = choices_->Choose(choices, Choice::kValue);
  values_ += choice != 0;
  const Value& value = memory_.Load(self_, word, std::memory_order_relaxed, choice);
  Observe(uint64_t{value.writer} << 32 | value.clock);
  if (trace_ != nullptr) Trace(Site::X, "FUTEX_WAIT", address, value.bits, choice);
  if (value.bits != seen) return false;
  Thread& me = threads_[self_];
  me.futex = address;
  me.expired = false;
  Leave(Status::kSleeping);
  Observe(me.expired);
  Note(me.expired ? "the sleep ended by itself" : "woken");
  return me.expired;
}

void Machine::FutexWake(const uint32_t* address, bool only_one, bool only_self) {
  Step(Site::P8);
  memory_.SeqCstFence(self_);
  Queue& queue = QueueOf(address);
  memory_.Give(self_, &queue.view);
  Observe(queue.history);
  queue.history = MixBits(queue.history ^ threads_[self_].history);
  fence_history_ = MixBits(fence_history_ ^ threads_[self_].history);
  if (trace_ != nullptr)
    Trace(Site::X, "FUTEX_WAKE", address, memory_.Newest(memory_.WordAt(address, 4)).bits, 0);
  if (only_self) return;
  for (uint32_t i = 0; i < count_; ++i) {
    Thread& t = threads_[i];
    if (t.status != Status::kSleeping || t.futex != address) continue;
    t.status = Status::kReady;
    if (only_one) return;
  }
}

bool Machine::TryLock(KernelLock* lock) {
  Step(Site::O1);
  if (lock->history == 0 && lock->holder < 0) {
    locks_.push_back(lock);
    memory_.Clear(&lock->view);
    lock->history = locks_.size();
  }
  Observe(lock->history);
  memory_.Take(self_, lock->view);
  const bool got = lock->holder < 0;
  if (got) {
    lock->holder = static_cast<int>(self_);
    lock->history = MixBits(lock->history ^ threads_[self_].history);
  }
  Note(got ? "takes a lock" : "a lock is taken");
  return got;
}

void Machine::AwaitLock(KernelLock* lock) {
  while (!TryLock(lock)) {
    threads_[self_].lock = lock;
    Leave(Status::kAwaitsLock);
    threads_[self_].status = Status::kReady;
  }
}

void Machine::Unlock(KernelLock* lock) {
  Step(Site::O1);
  if (lock->holder != static_cast<int>(self_)) return;
  lock->holder = -1;
  memory_.Give(self_, &lock->view);
  lock->history = MixBits(lock->history ^ threads_[self_].history);
  Note("releases a lock");
}

bool Machine::Held(KernelLock* lock) {
  Step(Site::O1);
  memory_.Take(self_, lock->view);
  Observe(lock->history ^ (lock->holder < 0 ? 1 : 0));
  return lock->holder >= 0;
}

}  // namespace millrace::checker
