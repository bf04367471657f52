// SPDX-License-Identifier: Apache-2.0
// The compiled half of a consumer: waits, copies, finds out why there is no message, leaves the ring.
#ifndef MILLRACE_RUNTIME_API_CONSUMER_COLD_H_
#define MILLRACE_RUNTIME_API_CONSUMER_COLD_H_

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "millrace/internal/consumer_hot.h"
#include "millrace/internal/parking.h"
#include "millrace/options.h"
#include "runtime/api/cpu_sharing.h"
#include "runtime/api/drain_pause.h"
#include "runtime/api/stranded.h"
#include "runtime/os/fork.h"
#include "runtime/segment/seat.h"

namespace millrace::internal {

class EventSignal;
class WaitSetImpl;

struct ConsumerCold final : os::ForkAware {
  ConsumerCold(segment::ConsumerAttachment attachment, Delivery how, ConsumerOptions consumer_options)
      : attached(std::move(attachment)), delivery(std::move(how)), options(std::move(consumer_options)) {}
  void InForkedChild() noexcept override;

  bool observer() const { return delivery.kind() == Delivery::Kind::kObserver; }
  bool lossless() const { return delivery.kind() == Delivery::Kind::kLossless; }
  bool in_place() const { return lossless() && !options.copy; }  // reads on the straight path
  bool HandsOutCopies() const { return hot->is_group_member ? options.copy : !in_place(); }
  const RingControl& control() const { return hot->ring.control(); }
  SleeperWords* sleepers() const;
  ConsumerCounts counts() const { return hot->is_group_member ? group_reader.counts() : hot->ring.counts(); }
  // Returns the copy buffer, grown to at least `bytes`. Returns null if there is no memory for it.
  std::byte* CopyBuffer(size_t bytes);
  // Checks, at a bounded rate, what no wake reports: whether the ring has lost its name (rm) or its memory
  // (truncated, or a hole was punched). Every look that finds no message calls this, so every way of reading
  // learns of it.
  void LookAround();
  // Both return how long this consumer may sleep, as far as its ring is concerned. They require that the last
  // look is over. LongestSleep ignores that an observer cannot announce itself to the producer; SleepBound
  // does not.
  int64_t LongestSleep() const;
  int64_t SleepBound();

  // Reads the message at this consumer's place, in place or as a copy, as its options demand. The other two
  // functions read copies.
  Read ReadOne(Lent* lent);
  Read ReadCopy(Lent* lent);
  Read ReadLosslessCopy(Lent* lent);
  // Takes a message as a member of a group, or adopts one.
  Read ReadGroup(Handed* handed);
  // Adopts a message that a dead or evicted member holds. Returns true if Next will return that message.
  bool Adopt();
  // Wakes a producer that waits for the room which this member gave up.
  void GiveRoom(bool offer);
  // TryNextSlow of a consumer that has an event descriptor. Arms the signal if nothing was found, and raises
  // it if the ring has ended.
  Received FindAndSettleSignal();
  // Returns why nothing is there: closed, removed, damaged, producer gone, or just empty. `state` was read
  // before the header that was 0.
  Got WhyEmpty(uint64_t state);
  // Returns true if the producer that stored `state` ended without closing and this was not reported yet.
  // Checks at a bounded rate.
  bool ProducerGone(uint64_t state);
  uint64_t Place() const;  // position of the next message of this consumer or of its group
  bool MessageThere() const;
  bool SomethingThere() const;
  // Returns true if there is anything to do for this consumer, although it found no message. `state` was read
  // before the consumer looked. Every way of waiting calls this in the thread of the handle before it sleeps.
  bool Pending(uint64_t state) const;
  // Returns true if a wake was missed. Every way of waiting calls this after a time-out during which the wake
  // epoch did not change.
  bool MissedWake() const;
  void CountLateWakeup();

  // Polls for at most left_ns, and for at most budget_ns without the time that other processes had the CPU.
  // Returns true if there is something to do.
  bool Spin(int64_t budget_ns, int64_t left_ns, uint64_t state);

  absl::StatusOr<int> EventFd();
  // Returns how many late wake-ups the signal has noticed (only a time-out repaired them) that are not
  // counted yet.
  uint64_t LateRaises() const;
  Parked Sleep(int64_t at_most_ns, uint64_t state);

  segment::ConsumerAttachment attached;
  Delivery delivery;
  ConsumerOptions options;
  ConsumerHot* hot = nullptr;            // null until that half is complete
  RingMember<RealAtomics> group_reader;  // used if the delivery is Group
  ObserverScratch scratch;
  bool forked = false, removed = false;
  bool cut = false;  // the ring's file has lost all its bytes, or some that were not read yet
  bool removed_word_checked = false;  // the word was set, but the ring still had its name
  Got last_why = Got::kEmpty;         // for status()
  SpinBudget spin;
  CpuSharing cpu_sharing;
  WaitSetImpl* wait_set = nullptr;      // the set that contains this consumer
  std::shared_ptr<EventSignal> signal;  // null: this consumer has no event descriptor
  DrainPause drain_pause;
  int64_t next_look_around_ns = 0, next_producer_look_ns = 0;  // on the coarse clock
  uint32_t gone_epoch = 0;        // epoch of the producer whose end was reported last
  WaitedRing waited;              // used by Next, or by the set that contains this consumer
  uint64_t idle_at_sequence = 0;  // of an observer, when it last went to sleep
  int64_t idle_since_ns = 0;      // since when the observer has been there
  std::unique_ptr<uint64_t[]> buffer;
  size_t buffer_bytes = 0;
  size_t refused_bytes = 0;  // size of the last buffer for which there was no memory
  const os::ForkRegistration registration{this};
};

}  // namespace millrace::internal

#endif  // MILLRACE_RUNTIME_API_CONSUMER_COLD_H_
