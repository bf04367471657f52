// The compiled half of a consumer: waiting, copying, finding out why there is no message, leaving.
#ifndef MILLRACE_RUNTIME_API_CONSUMER_CORE_H_
#define MILLRACE_RUNTIME_API_CONSUMER_CORE_H_

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "millrace/internal/consumer_core.h"
#include "millrace/internal/parking.h"
#include "millrace/options.h"
#include "runtime/api/drain_pause.h"
#include "runtime/api/shared_core.h"
#include "runtime/api/stranded.h"
#include "runtime/os/fork.h"
#include "runtime/segment/attach_consumer.h"
#include "runtime/segment/group.h"

namespace millrace::internal {

class EventBell;
class WaitSetCore;

struct ConsumerCore::Cold final : os::ForkAware {
  Cold(segment::ConsumerAttachment attachment, Delivery how, ConsumerOptions consumer_options)
      : attached(std::move(attachment)), delivery(std::move(how)), options(std::move(consumer_options)) {}
  void InForkedChild() noexcept override;

  bool observer() const { return delivery.kind() == Delivery::Kind::kObserver; }
  bool lossless() const { return delivery.kind() == Delivery::Kind::kLossless; }
  segment::SeatsAccess seats();
  bool in_place() const { return lossless() && !options.copy; }  // the straight path
  bool HandsOutCopies() const { return core->member ? options.copy : !in_place(); }
  const RingControl& control() const { return core->ring.control(); }
  SleeperWords* sleepers() const;
  ConsumerCounts counts() const { return core->member ? member.counts() : core->ring.counts(); }
  std::byte* Reserve(size_t bytes);  // the copy buffer, grown to at least that; null: no memory for it
  // Asks, at a bounded rate, what nobody says by a wake: has the ring lost its name (rm) or its memory
  // (truncated, a hole)? Part of every look that finds nothing, so that every way of asking gets the answer.
  void LookAround();
  // How long this consumer may sleep, as far as its ring is concerned. Call it after the last look. The first
  // takes an observer for one that could announce itself.
  int64_t LongestSleep() const;
  int64_t SleepBound();

  // What is at this consumer's place, in its way of reading; the next two are those with a copy.
  Read ReadOne(Lent* lent);
  Read ReadCopy(Lent* lent);
  Read ReadLosslessCopy(Lent* lent);
  // As a member: takes a message, or adopts one.
  Read ReadGroup(Handed* handed);
  // Adopts what a dead or evicted member holds. true: Next hands it out.
  bool Adopt();
  // The producer waits for what this member gave up.
  void GiveRoom(bool offer);
  // TryNextSlow where somebody may wait by a descriptor.
  Received FindAndSettleBell();
  // Nothing is there: closed, removed, or just empty. `state` was read before the header that was 0.
  Got WhyEmpty(uint64_t state);
  // Has the producer that stored `state` ended without closing, and was that not reported yet? Asked at a
  // bounded rate.
  bool ProducerGone(uint64_t state);
  uint64_t Place() const;  // position of the next message of this consumer, or of its group
  bool MessageThere() const;
  bool SomethingThere() const;
  // Is there anything to do for this consumer, now that it found nothing? `state` was read before it looked.
  // What every way of waiting asks, in the thread of this handle, before it sleeps.
  bool Pending(uint64_t state) const;
  // Was a wake missed? What every way of waiting asks after a time-out under which the epoch did not change.
  bool MissedWake() const;
  void CountLateWakeup();

  // Polls for at most budget_ns, not counting what others had of the core, and at most left_ns in all. true:
  // something is there.
  bool Spin(int64_t budget_ns, int64_t left_ns, uint64_t state);

  absl::StatusOr<int> EventFd();
  uint64_t LateRings() const;  // wake-ups of the bell's that only a time-out repaired, not yet counted
  Parked Sleep(int64_t at_most_ns, uint64_t state);

  segment::ConsumerAttachment attached;
  Delivery delivery;
  ConsumerOptions options;
  ConsumerCore* core = nullptr;
  RingMember<RealAtomics> member;  // delivery Group
  api::ObserverScratch scratch;
  bool forked = false, removed = false;
  bool cut = false;                   // the ring's file has lost bytes that were not read yet, or all of them
  bool removed_word_checked = false;  // the word was set and the ring still had its name
  Got last_why = Got::kEmpty;         // for status()
  SpinBudget spin;
  api::SharedCore shared_core;
  WaitSetCore* wait_set = nullptr;  // the one it is in
  std::shared_ptr<EventBell> bell;  // null: it has no descriptor
  api::DrainPause drain_pause;
  int64_t next_look_around_ns = 0, next_producer_look_ns = 0;  // on the coarse clock
  uint32_t gone_epoch = 0;                                     // of the producer whose end was reported last
  WaitedRing waited;                                           // of Next, or of the set it is in
  uint64_t idle_at_sequence = 0;  // an observer: where it stood when it last went to sleep,
  int64_t idle_since_ns = 0;      // and since when
  std::unique_ptr<uint64_t[]> buffer;
  size_t buffer_bytes = 0;
  size_t refused_bytes = 0;  // of the last buffer for which there was no memory
};

}  // namespace millrace::internal

#endif  // MILLRACE_RUNTIME_API_CONSUMER_CORE_H_
