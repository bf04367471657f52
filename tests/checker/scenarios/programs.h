// SPDX-License-Identifier: Apache-2.0
// What checked threads do: producer and consumer processes that drive the ring as the runtime does.
//
// The ring, join, marks, eviction, take-over and parking code is the real one. The runtime's code between
// system calls (runtime/api/producer_cold.cc, consumer_cold.cc, runtime/segment/epoch.cc, seat.cc,
// group.cc) is written again here over the machine's locks and futexes, as short as possible.
#ifndef MILLRACE_TESTS_CHECKER_SCENARIOS_PROGRAMS_H_
#define MILLRACE_TESTS_CHECKER_SCENARIOS_PROGRAMS_H_

#include <cstdint>
#include <optional>

#include "millrace/internal/parking.h"
#include "millrace/internal/ring_consumer.h"
#include "millrace/internal/ring_group.h"
#include "millrace/internal/ring_join.h"
#include "millrace/internal/ring_producer.h"
#include "millrace/internal/ring_take_over.h"
#include "tests/checker/scenarios/policy.h"
#include "tests/checker/scenarios/world.h"

namespace millrace::checker {

using A = CheckedAtomics;
using W = internal::Words<A>;

const internal::ParkOps& CheckedParkOps();

void WakeEverybody(internal::RingControl& control);

// Locks and returns the first seat without a holder, or returns kSeats if there is none. A member of `place`
// may also get a seat that holds a message of this very group. If a member sat there before, the seat's
// adopter lock is taken as well and stored in `*adopter_lock`.
uint32_t LockSeat(const std::optional<internal::GroupPlace>& place, KernelLock** adopter_lock);

enum class WhenFull : uint8_t { kBlock, kGiveUp, kEvict };

class ProducerProgram {
 public:
  // `number`: 1 created the queue and existed before any other process. Higher numbers take over.
  explicit ProducerProgram(uint32_t number) : number_(number) {}
  void Begin();
  void TakeOver(bool asym);
  // Publishes the next message. Returns false if the ring is full and `when` is kGiveUp.
  bool Publish(WhenFull when = WhenFull::kBlock);
  void Publish(uint32_t n, WhenFull when) {
    for (uint32_t i = 0; i < n; ++i) Publish(when);
  }
  // Publishes the next `n` messages as one batch. With `abort`, begins the batch and gives it up.
  void PublishBatch(uint32_t n, bool abort = false);
  void Close();
  bool EvictAll();  // evicts the seats that hold back the last claim

 private:
  std::byte* TryClaim(size_t n, bool patient = true);
  std::byte* WaitClaim(size_t n, WhenFull when);
  bool EmptyDeadSeats(bool patient);
  bool EmptyDeadSeat(uint32_t seat);
  void Wake();
  uint32_t number_;
  internal::RingProducer<A> ring_;
};

// Does a living process hold this seat's lock?
bool HeldBySomebody(uint32_t seat);
// Returns true if the group was retired. `abandon`: also with the messages that its dead members hold.
bool RetireDeadGroup(internal::GroupPlace place, bool abandon);

// The ways in which a consumer reads.
enum class Reading : uint8_t {
  kInPlace,       // lossless; a race is an error
  kLosslessCopy,  // lossless, copied and checked
  kInPlaceAsked,  // lossless, read in place, believed only if StillIntact confirms it
  kLossy,         // has a seat but holds nobody back
  kObserver,      // no seat
};

enum class Ended : uint8_t {
  kNot,
  kClosed,
  kEvicted,
  kDamaged,
  kNobody,
  kEmpty,
  kOvertaken,
  kRemoved,
  kGone
};

class ConsumerProgram {
 public:
  explicit ConsumerProgram(Reading reading) : reading_(reading) {}
  // Takes a free seat and joins. Returns false if it was evicted or overtaken too often while joining.
  bool Open(internal::StartAt start, uint64_t value = 0);
  // Receives and checks the next message. With `wait`, waits for it.
  Ended Receive(bool wait = true);
  // An empty look also looks for an unlink, or for the end of the producer. The time between two looks at the
  // kernel has then always passed.
  void WatchName() { watches_name_ = true; }
  void WatchProducer() { watches_producer_ = true; }
  // Receives until the ring is closed, or until no producer is left.
  Ended ReceiveAll();
  void Settle();  // finished with what was lent: stores that immediately
  void Leave();

  // Requires that start + received + lost + skipped = next sequence, and that a lossless consumer lost
  // nothing.
  void CheckCounts() const;
  internal::RingConsumer<A>& ring() { return ring_; }

 private:
  bool lossless() const { return reading_ <= Reading::kInPlaceAsked; }
  internal::Read TryNext(Ended* ended);
  internal::Read ReadOne(internal::Lent* lent);
  void StorePosition();
  void FinishWithLent();
  void Check(const internal::Lent& lent);
  bool Sleep(uint64_t state);  // returns true if the sleep expired
  Ended OtherEnd(uint64_t state);

  Reading reading_;
  bool watches_name_ = false, watches_producer_ = false;
  bool removed_ = false, looked_at_name_ = false;
  internal::RingConsumer<A> ring_;
  uint32_t seat_ = 0;
  uint64_t live_state_ = 0;
  uint64_t expected_ = 0;
  bool lent_ = false;
  internal::WaitedRing waited_;
  internal::Lent last_{};
  uint64_t buffer_[kMostWords];
};

// A member of a group. It may use kInPlace, kInPlaceAsked (if it may be evicted) and kLosslessCopy.
class MemberProgram {
 public:
  explicit MemberProgram(Reading reading, uint32_t group = 0, uint64_t at_most = 1)
      : reading_(reading), group_(group), at_most_(at_most) {}
  // Joins the group. Creates it at `start` if it does not exist. Returns false if there is no seat or no
  // slot.
  bool Open(internal::StartAt start = internal::StartAt::kEnd);
  Ended Receive(bool wait = true);
  Ended ReceiveAll();
  bool Ack();    // finishes the message in hand; returns false if evicted
  void Leave();  // with the message in hand, if there is one
  internal::RingMember<A>& ring() { return ring_; }
  // Gives its group another name: it takes the slot if the group there may be retired.
  void BelongsToAnother() { another_ = true; }
  // Lets the member stop waiting for messages that others hold.
  void GivesUp() { gives_up_ = true; }

 private:
  bool HoldGroup(internal::StartAt start, internal::Beginning* begin);
  bool CreateIt(internal::StartAt start, internal::Beginning* begin);
  bool SitDown(internal::Beginning begin);
  internal::Read ReadGroup(internal::Handed* handed);
  bool Adopt();
  internal::Adopted AdoptFrom(uint32_t seat);
  void GiveRoom(bool offer);
  void Check(const internal::Handed& handed);
  void LookAgain();  // checks the message in hand as late as possible
  Ended TryNext();
  bool Sleep(uint64_t state);  // returns true if the sleep expired

  Reading reading_;
  uint32_t group_;
  uint64_t at_most_;
  internal::RingMember<A> ring_;
  internal::GroupPlace place_;
  bool created_ = false;
  bool another_ = false, gives_up_ = false;
  uint32_t seat_ = kSeats;
  uint64_t live_state_ = 0;
  bool lent_ = false;
  internal::WaitedRing waited_;
  internal::Lent last_{};
  uint64_t buffer_[kMostWords];
};

}  // namespace millrace::checker

#endif  // MILLRACE_TESTS_CHECKER_SCENARIOS_PROGRAMS_H_
