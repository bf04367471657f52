// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/wait_set_impl.h"

#include <algorithm>
#include <atomic>
#include <cassert>
#include <utility>

#include "absl/strings/str_cat.h"
#include "millrace/internal/words.h"
#include "runtime/api/consumer_cold.h"
#include "runtime/api/park_ops.h"
#include "runtime/os/failure.h"

namespace millrace::internal {
namespace {

using W = Words<RealAtomics>;

constexpr int64_t kSetSpinSliceNs = 50'000;
constexpr int64_t kAskAllEveryNs = 50'000'000;
constexpr int64_t kDeafSleepBoundNs = 500'000'000;  // where no word is left that Interrupt() could wake

absl::Status Refused(const ConsumerHot& consumer, const char* call, Error error, const std::string& why) {
  return os::Failure(error, absl::StrCat(call, "(\"", consumer.cold->attached.paths.name, "\"): ", why));
}

}  // namespace

WaitSetImpl::WaitSetImpl() = default;

WaitSetImpl::~WaitSetImpl() {
  assert(!serving_);
  while (!entries_.empty()) Forget(*entries_.back()->consumer);
}

absl::Status WaitSetImpl::Add(ConsumerHot& consumer, WaitSet::Handler handler, uint32_t source,
                              const char* call) {
  if (forked_ || consumer.cold->forked)
    return Refused(consumer, call, Error::kForked, "set or consumer belongs to the parent process");
  if (!handler) return Refused(consumer, call, Error::kBadArgument, "the handler is empty");
  if (consumer.cold->wait_set == this)
    return Refused(consumer, call, Error::kInUse, "it is in this set already");
  if (consumer.cold->wait_set != nullptr)
    return Refused(consumer, call, Error::kInUse, "it is in another set; remove it there first");
  if (entries_.size() == WaitSet::kMostRings) {
    return Refused(consumer, call, Error::kBadArgument,
                   absl::StrCat("the set has ", WaitSet::kMostRings, " rings, and ", WaitSet::kMostRings,
                                " is what one thread can wait for (futex_waitv); use a second set in another "
                                "thread"));
  }
  entries_.push_back(std::make_shared<Entry>(Entry{&consumer, std::move(handler), source}));
  consumer.cold->wait_set = this;
  return absl::OkStatus();
}

absl::Status WaitSetImpl::Remove(ConsumerHot& consumer) {
  if (consumer.cold->wait_set != this)
    return Refused(consumer, "WaitSet::Remove", Error::kNotFound, "it is not in this set");
  Forget(consumer);
  return absl::OkStatus();
}

void WaitSetImpl::Forget(ConsumerHot& consumer) {
  const auto at = std::find_if(entries_.begin(), entries_.end(),
                               [&](const auto& entry) { return entry->consumer == &consumer; });
  assert(at != entries_.end());
  const size_t i = static_cast<size_t>(at - entries_.begin());
  (*at)->consumer = nullptr;
  entries_.erase(at);
  if (i < next_) --next_;
  consumer.cold->wait_set = nullptr;
}

void WaitSetImpl::ForgetSource(uint32_t source) {
  const auto at = std::find_if(entries_.begin(), entries_.end(),
                               [&](const auto& entry) { return entry->source == source; });
  if (at != entries_.end()) Forget(*(*at)->consumer);
}

bool WaitSetImpl::Interrupted() const { return interrupted_.load(std::memory_order_relaxed); }

void WaitSetImpl::Interrupt() noexcept {
  interrupted_.store(true, std::memory_order_release);
  CallWaitSets();
}

bool WaitSetImpl::Pending(const Entry& entry) const {
  const ConsumerCold& cold = *entry.consumer->cold;
  return !entry.empty || cold.Pending(entry.state) ||
         entry.consumer->interrupted.load(std::memory_order_relaxed);
}

bool WaitSetImpl::TakeTurn(Turn* turn) {
  AskAllNowAndThen();
  for (size_t n = entries_.size(); n > 0; --n) {
    if (next_ >= entries_.size()) next_ = 0;
    const std::shared_ptr<Entry>& entry = entries_[next_++];
    if (!Pending(*entry)) continue;
    ConsumerHot& consumer = *entry->consumer;
    entry->state = W::LoadState(consumer.cold->control().room);
    const Received received = consumer.interrupted.load(std::memory_order_relaxed)
                                  ? Received(consumer.cold->last_why = Got::kInterrupted)
                                  : consumer.TryNext();
    entry->empty = received.why() == Got::kEmpty;
    if (entry->empty) continue;
    *turn = {entry, received};
    return true;
  }
  return false;
}

void WaitSetImpl::Hand(const Turn& turn) {
  const auto& [entry, received] = turn;
  ConsumerHot& consumer = *entry->consumer;
  if (HasEnded(received)) Forget(consumer);
  // The handler may throw, or remove its consumer. It may also destroy the consumer, together with its hot
  // half.
  struct Guard {
    WaitSetImpl* set;
    const Entry* entry;
    const Received* received;
    uint64_t count;
    bool threw = true;
    ~Guard() {
      set->serving_ = false;
      if (!*received || entry->consumer == nullptr) return;
      ConsumerHot& consumer = *entry->consumer;
      if (consumer.cold->counts().received != count) return;  // the handler has read on
      if (threw)
        consumer.Undeliver((*received)->sequence, (*received)->lost);
      else if (consumer.is_group_member)
        consumer.AckHandled();
    }
  } guard{this, entry.get(), &received, consumer.cold->counts().received};
  serving_ = true;
  entry->handler(received);
  guard.threw = false;
}

// Returns how to wait for the set: the consumer that spins most decides.
Wait WaitSetImpl::HowToWait() const {
  Wait how = Wait::kPark;
  for (const std::shared_ptr<Entry>& entry : entries_) {
    const Wait wait = entry->consumer->cold->options.wait;
    if (wait == Wait::kSpin) return wait;
    if (wait == Wait::kAdaptive) how = wait;
  }
  return how;
}

bool WaitSetImpl::Spin(int64_t budget_ns) const {
  const int64_t end = os::MonotonicNs() + budget_ns;
  const size_t rounds = std::max<size_t>(1, 32 / entries_.size());
  do {
    for (size_t i = 0; i < rounds; ++i) {
      for (const std::shared_ptr<Entry>& entry : entries_) {
        if (Pending(*entry)) return true;
      }
      CpuPause();
    }
  } while (os::MonotonicNs() < end && !Interrupted());
  return false;
}

Parked WaitSetImpl::Sleep(int64_t at_most_ns) {
  const size_t n = entries_.size();
  rings_.resize(n);
  for (size_t i = 0; i < n; ++i) {
    const ConsumerCold& cold = *entries_[i]->consumer->cold;
    rings_[i] = cold.waited;
    rings_[i].control = &cold.control();
    rings_[i].sleepers = cold.sleepers();
  }
  // Read before any consumer is checked for an interrupt.
  const uint32_t calls = wait_set_calls.load(std::memory_order_acquire);
  const bool hears_calls = n < kMostParkWords;
  if (!hears_calls) at_most_ns = std::min(at_most_ns, kDeafSleepBoundNs);
  const auto pending = [&](size_t i) {
    if (Pending(*entries_[i]) || Interrupted()) return true;
    rings_[i].longest_ns = entries_[i]->consumer->cold->SleepBound();
    return false;
  };
  const int64_t before = os::MonotonicNs();
  const Parked parked = ParkConsumers<RealAtomics>(
      rings_.data(), n, hears_calls ? FutexOf(wait_set_calls) : nullptr, calls, SystemParkOps(), at_most_ns,
      pending, [&](size_t i) { return entries_[i]->consumer->cold->MissedWake(); });
  const int64_t now = os::MonotonicNs();
  if (parked != Parked::kPending) spin_.AfterSleep(now - before);
  for (size_t i = 0; i < n; ++i) {
    ConsumerHot& consumer = *entries_[i]->consumer;
    consumer.cold->waited = rings_[i];
    if (rings_[i].missed) consumer.cold->CountLateWakeup();
    if (parked == Parked::kWoken) {
      consumer.cold->removed_word_checked = false;  // the remover wakes its waiters again when it is done
    }
  }
  return parked;
}

void WaitSetImpl::AskAllNowAndThen() {
  const int64_t now = os::CoarseMonotonicNs();
  if (now - last_asked_ns_ < kAskAllEveryNs) return;
  last_asked_ns_ = now;
  for (const std::shared_ptr<Entry>& entry : entries_) entry->empty = false;
}

Got WaitSetImpl::Take(int64_t timeout_ns, Turn* turn) {
  assert(!serving_);
  if (forked_) return Got::kForked;
  if (Interrupted()) return Got::kInterrupted;
  if (entries_.empty()) return Got::kEmpty;
  if (TakeTurn(turn)) return Got::kMessage;
  const int64_t deadline = DeadlineAfter(timeout_ns);
  const Wait wait = HowToWait();
  for (bool idle = false;;) {  // `idle` as in ConsumerHot::NextWaiting
    const int64_t left = deadline - os::MonotonicNs();
    if (left <= 0) return Got::kTimedOut;
    if (wait != Wait::kPark && !idle) {
      const int64_t budget = wait == Wait::kSpin ? kSetSpinSliceNs : spin_.ns();
      if (Spin(std::min(budget, left)) && wait == Wait::kAdaptive) spin_.CaughtIt();
    }
    if (TakeTurn(turn)) return Got::kMessage;
    if (Interrupted()) return Got::kInterrupted;
    if (wait == Wait::kSpin) continue;
    if (const int64_t now = os::MonotonicNs(); deadline > now) {
      idle = Sleep(deadline - now) == Parked::kTimedOut;
      if (idle) last_asked_ns_ = 0;  // the coarse clock may lag by more than the slice has left
      if (TakeTurn(turn)) return Got::kMessage;
      if (Interrupted()) return Got::kInterrupted;
    }
  }
}

Got WaitSetImpl::WaitFor(int64_t timeout_ns) {
  Turn turn;
  const Got got = Take(timeout_ns, &turn);
  if (got == Got::kMessage) Hand(turn);
  return got;
}

}  // namespace millrace::internal
