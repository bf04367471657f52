// SPDX-License-Identifier: Apache-2.0
// The part of the machine that stands in for the kernel: futexes and locks, with the kernel's guarantees and
// no more.
#include "tests/checker/engine/machine.h"

namespace millrace::checker {

Machine::Queue& Machine::QueueOf(const void* word) {
  for (size_t i = 0; i < queues_used_; ++i) {
    if (queues_[i].word == word) return queues_[i];
  }
  if (queues_used_ == queues_.size()) queues_.emplace_back();
  Queue& queue = queues_[queues_used_++];
  queue.word = word;
  memory_.Clear(&queue.view);
  return queue;
}

// Compares under the lock of the futex queue. A wake before the comparison has made its store visible. A wake
// after it finds the sleeper.
bool Machine::FutexWait(const uint32_t* address, uint64_t seen) {
  Enter(address, seen);
  Begin(Step::kActs);
  Queue& queue = QueueOf(address);
  memory_.Take(self_, queue.view);
  const uint32_t word = memory_.WordAt(address, 4);
  Look(word, /*writes=*/false, Site::W1);
  const uint32_t choice = ChooseValue(memory_.LoadChoices(self_, word));
  const Value& value = memory_.Load(self_, word, std::memory_order_relaxed, choice);
  if (trace_ != nullptr) Trace(Site::X, "FUTEX_WAIT", address, value.bits, choice);
  if (value.bits != seen) return false;
  Thread& me = threads_[self_];
  me.futex = address;
  me.expired = false;
  Leave(Status::kSleeping);
  Note(me.expired ? "the sleep ended by itself" : "woken");
  return me.expired;
}

void Machine::FutexWake(const uint32_t* address, bool only_one, bool only_self) {
  Enter(address, only_one, only_self);
  Begin(Step::kActs);
  Look(Conflicts::kFences, /*writes=*/true, Site::P8);
  memory_.SeqCstFence(self_);
  Queue& queue = QueueOf(address);
  memory_.Give(self_, &queue.view);
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

void Machine::Know(KernelLock* lock) {
  if (lock->known) return;
  lock->known = true;
  lock->holder = -1;
  lock->sharers = 0;
  memory_.Clear(&lock->view);
  locks_.push_back(lock);
}

bool Machine::TryLock(KernelLock* lock) {
  Enter(lock);
  return TakeLock(lock);
}

bool Machine::TryLockShared(KernelLock* lock) {
  Enter(lock, 1);
  return TakeLock(lock, /*shared=*/true);
}

bool Machine::TakeLock(KernelLock* lock, bool shared) {
  Begin(Step::kActs);
  Know(lock);
  memory_.Take(self_, lock->view);
  const bool got = shared ? lock->holder < 0 : lock->free();
  if (got && shared) lock->sharers |= 1u << self_;
  if (got && !shared) lock->holder = static_cast<int>(self_);
  Note(got ? "takes a lock" : "a lock is taken");
  return got;
}

void Machine::AwaitLock(KernelLock* lock) {
  Enter(lock);
  while (!TakeLock(lock)) {
    threads_[self_].lock = lock;
    Leave(Status::kAwaitsLock);
    threads_[self_].status = Status::kReady;
    threads_[self_].waited = false;
  }
}

void Machine::AwaitFree(KernelLock* lock) {
  Enter(lock);
  Begin(Step::kActs);
  while (!lock->free()) {
    threads_[self_].lock = lock;
    Leave(Status::kAwaitsLock);
    threads_[self_].status = Status::kReady;
  }
  memory_.Take(self_, lock->view);
}

void Machine::Unlock(KernelLock* lock) {
  Enter(lock);
  Begin(Step::kActs);
  if (lock->holder != static_cast<int>(self_) && (lock->sharers >> self_ & 1) == 0) return;
  lock->FreeOf(self_);
  memory_.Give(self_, &lock->view);
  Note("releases a lock");
}

bool Machine::Held(KernelLock* lock) {
  Enter(lock);
  Begin(Step::kActs);
  Know(lock);
  memory_.Take(self_, lock->view);
  return lock->holder >= 0;
}

}  // namespace millrace::checker
