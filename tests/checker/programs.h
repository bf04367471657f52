// What checked threads do: a producer and a consumer process, as the runtime drives the ring.
//
// The ring, join, marks, eviction, take-over and parking code is the real one. Around it, what the runtime
// does between system calls (runtime/api/producer_core.cc, consumer_core.cc, runtime/segment/epoch.cc,
// attach_consumer.cc, group.cc) is written again here over the machine's locks and futexes, as short as it
// can be.
#ifndef MILLRACE_TESTS_CHECKER_PROGRAMS_H_
#define MILLRACE_TESTS_CHECKER_PROGRAMS_H_

#include <cstdint>
#include <optional>

#include "millrace/internal/parking.h"
#include "millrace/internal/ring_consumer.h"
#include "millrace/internal/ring_group.h"
#include "millrace/internal/ring_join.h"
#include "millrace/internal/ring_producer.h"
#include "tests/checker/policy.h"
#include "tests/checker/world.h"

namespace millrace::checker {

using A = CheckedAtomics;
using W = internal::Words<A>;

const internal::ParkOps& CheckedParkOps();

void WakeEverybody(internal::RingControl& control);

// The first seat that nobody holds, locked; kSeats: there is none. Of a member of `place`: also one that
// holds a message of this very group. Its rescuer lock is held as well if a member sat there: `*rescuer`.
uint32_t LockSeat(const std::optional<internal::GroupPlace>& place, KernelLock** rescuer);

enum class WhenFull : uint8_t { kBlock, kGiveUp, kEvict };

class ProducerProgram {
 public:
  // `number`: 1 created the queue and was there before anybody; others take over.
  explicit ProducerProgram(uint32_t number) : number_(number) {}
  void Begin();
  void TakeOver(bool asym);
  // Publishes the next message. false: full, and told to give up.
  bool Publish(WhenFull when = WhenFull::kBlock);
  void Publish(uint32_t n, WhenFull when) {
    for (uint32_t i = 0; i < n; ++i) Publish(when);
  }
  // Publishes the next `n` messages as one batch, or begins it and thinks better of it.
  void PublishBatch(uint32_t n, bool abort = false);
  void Close();
  bool EvictAll();  // seats that hold back the last claim

 private:
  std::byte* TryClaim(size_t n, bool patient = true);
  std::byte* WaitClaim(size_t n, WhenFull when);
  bool EmptyDeadSeats(bool patient);
  bool EmptyDeadSeat(uint32_t seat);
  void Wake();
  uint32_t number_;
  internal::RingProducer<A> ring_;
};

// What a producer or a member does about groups under their locks.
bool HeldBySomebody(uint32_t seat);
// true: it is gone. `abandon`: with what its dead members hold.
bool RetireDeadGroup(internal::GroupPlace place, bool abandon);

// How a consumer reads.
enum class Reading : uint8_t {
  kInPlace,       // lossless; a race is an error
  kLosslessCopy,  // lossless, copied and checked
  kInPlaceAsked,  // lossless, read in place, believed only if StillIntact says so afterwards
  kLossy,         // a seat, but holds nobody back
  kObserver,      // no seat
};

enum class Ended : uint8_t { kNot, kClosed, kEvicted, kDamaged, kNobody, kEmpty, kOvertaken };

class ConsumerProgram {
 public:
  explicit ConsumerProgram(Reading reading) : reading_(reading) {}
  // Takes a free seat and joins. false: evicted or overtaken while joining, too often.
  bool Open(internal::StartAt start, uint64_t value = 0);
  // The next message, checked; waits for it unless told not to.
  Ended Receive(bool wait = true);
  // Until the ring is closed (or there is nobody left who could publish).
  Ended ReceiveAll();
  void Settle();  // done with what was lent: says so at once
  void Leave();

  // start + received + lost + skipped = next sequence, and a lossless consumer loses nothing.
  void CheckCounts() const;
  internal::RingConsumer<A>& ring() { return ring_; }

 private:
  bool lossless() const { return reading_ <= Reading::kInPlaceAsked; }
  internal::Read TryNext(Ended* ended);
  internal::Read ReadOne(internal::Lent* lent);
  void StorePosition();
  void FinishWithLent();
  void Check(const internal::Lent& lent);
  bool Sleep(uint64_t state);  // true: it expired

  Reading reading_;
  internal::RingConsumer<A> ring_;
  uint32_t seat_ = 0;
  uint64_t live_state_ = 0;
  uint64_t expected_ = 0;
  bool lent_ = false;
  internal::WaitedRing waited_;
  internal::Lent last_{};
  uint64_t buffer_[kMostWords];
};

// A member of a group. Readings: kInPlace, kInPlaceAsked (where it may be evicted), kLosslessCopy.
class MemberProgram {
 public:
  explicit MemberProgram(Reading reading, uint32_t group = 0, uint64_t at_most = 1)
      : reading_(reading), group_(group), at_most_(at_most) {}
  // Joins the group, which it creates at `start` if it is not there. false: no seat, or no slot.
  bool Open(internal::StartAt start = internal::StartAt::kEnd);
  Ended Receive(bool wait = true);
  Ended ReceiveAll();
  bool Ack();    // done with the message in hand. false: evicted
  void Leave();  // with the message in hand, if there is one
  internal::RingMember<A>& ring() { return ring_; }
  // Its group has another name: it takes the slot if the group there may go.
  void BelongsToAnother() { another_ = true; }
  // It does not wait for ever for the messages that others have in hand.
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
  void LookAgain();  // at the message in hand, as late as can be
  Ended TryNext();
  bool Sleep(uint64_t state);  // true: it expired

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

#endif  // MILLRACE_TESTS_CHECKER_PROGRAMS_H_
