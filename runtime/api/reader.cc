// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/reader.h"

#include "runtime/api/consumer_cold.h"
#include "runtime/api/drain_pause.h"
#include "runtime/api/stranded.h"
#include "runtime/os/park.h"
#include "runtime/segment/group.h"

namespace millrace::internal {
namespace {

void WakeProducer(const ConsumerSeat& seat) { os::FutexWakeAll(&seat.room_epoch->epoch); }

// A consumer with a place of its own in the ring.
class RingReader : public Reader {
 public:
  explicit RingReader(ConsumerHot& hot) : ring_(hot.ring), cold_(*hot.cold) {}

  void GiveBackIfDue() override {
    if (ring_.OwesPosition()) GiveBack();
  }
  Read Next(Handed* out) override {
    out->deliveries = 1;
    const Read read = ReadOne(&out->lent);
    // Wait::kSpin is for latency, so it does not pause to raise the producer's throughput.
    if (read != Read::kEmpty || cold_.options.wait == Wait::kSpin ||
        !drain_pause_.After(ring_.at(), cold_.cpu_sharing.shared()))
      return read;
    return ReadOne(&out->lent);
  }
  void GiveBackAll() override {
    if (!ring_.PositionStored()) GiveBack();
  }
  void PaceEmptyLook() override {
    // The program calls again immediately. Treat it like a spinning Next: prefetch the lines of the next
    // message, and leave a pause between two looks at its header.
    ring_.FetchNext();
    CpuPause();
  }

  void Ack() override { GiveBack(); }
  void Undeliver(const Lent& lent) noexcept override { ring_.Undeliver(lent); }
  bool StillIntact() const override { return ring_.InHand(); }

  uint64_t position() const override { return ring_.at().position; }
  Point at() const override { return ring_.at(); }
  bool SomethingThere() const override { return ring_.SomethingThere(); }
  bool Poll(int looks) const override {
    for (; looks > 0; --looks) {
      ring_.FetchNext();
      if (ring_.HeaderThere()) return true;
      CpuPause();
    }
    return false;
  }
  bool MissedWake() const override { return ring_.MissedWake(); }
  void CountLateWakeup() override { ring_.CountLateWakeup(); }
  ConsumerCounts counts() const override { return ring_.counts(); }

  bool StoreLast() override { return ring_.StorePosition(); }
  bool OfferRoom() override { return ring_.OfferRoom(); }

 protected:
  virtual Read ReadOne(Lent* lent) = 0;

  RingConsumer<RealAtomics>& ring_;
  ConsumerCold& cold_;

 private:
  void GiveBack() {
    if (ring_.StorePosition()) WakeProducer(ring_.seat());
  }
  DrainPause drain_pause_;
};

// Lossless, in place. Serves what the straight path refuses.
class InPlaceReader final : public RingReader {
 public:
  using RingReader::RingReader;
  bool StillIntact() const override { return ring_.StillIntact(); }

 private:
  Read ReadOne(Lent* lent) override { return ring_.NextSlow(lent); }
};

// Lossless, with ConsumerOptions::copy.
class LosslessCopyReader final : public RingReader {
 public:
  using RingReader::RingReader;

 private:
  Read ReadOne(Lent* lent) override {
    const Read read = ring_.NextSlow(lent);
    if (read != Read::kMessage) return read;
    std::byte* const copy = cold_.copy_buffer.Room(lent->bytes);
    const Read copied = copy == nullptr ? Read::kNoMemory : ring_.CopyChecked(*lent, copy);
    if (copied != Read::kMessage) ring_.Undeliver(*lent);
    lent->data = copy;
    return copied;
  }
};

// Lossy consumers and observers.
class LossyReader final : public RingReader {
 public:
  using RingReader::RingReader;

 private:
  Read ReadOne(Lent* lent) override {
    return ring_.NextCopy(lent, [this](size_t bytes) { return cold_.copy_buffer.Room(bytes); });
  }
};

// A member of a group, in place or with copies.
class GroupReader final : public Reader {
 public:
  explicit GroupReader(ConsumerHot& hot) : cold_(*hot.cold) {
    const segment::ConsumerAttachment& a = cold_.attached;
    member_.Attach(a.memory(), a.table(), hot.ring.seat(), a.group, cold_.options.messages_per_lease,
                   a.begin.at.sequence - a.begin.wanted, !cold_.options.copy);
  }

  Read Next(Handed* out) override {
    const auto copy_buffer = [this](size_t bytes) { return cold_.copy_buffer.Room(bytes); };
    if (!member_.Ack()) return Read::kEvicted;
    if (!member_.holds_lease() && member_.DueToLook()) {
      member_.NoteProgress();
      Adopt();
    }
    Read read = member_.Next(out, copy_buffer);
    if (read == Read::kEmpty) {
      member_.NoteProgress();
      if (Adopt()) read = member_.Next(out, copy_buffer);
    }
    GiveRoom(read == Read::kMessage ? member_.OwesRoom() : true);
    return read;
  }
  void HandedNothing() override { member_.Undeliver(); }

  void Ack() override { AckHandled(); }
  // If this member was evicted in the meantime, the next call reports it.
  void AckHandled() override {
    if (member_.Ack()) GiveRoom(member_.OwesRoom());
  }
  void Undeliver(const Lent&) noexcept override { member_.Undeliver(); }
  bool StillIntact() const override { return cold_.options.copy ? member_.InHand() : member_.StillIntact(); }

  uint64_t position() const override { return member_.position(); }
  Point at() const override { return member_.at(); }
  bool SomethingThere() const override { return member_.SomethingThere(); }
  bool Poll(int looks) const override {
    for (; looks > 0; --looks) {
      if (member_.SomethingThere()) return true;
      CpuPause();
    }
    return false;
  }
  bool OthersHold() const override { return member_.OthersHold(); }
  bool MissedWake() const override { return member_.MissedWake(); }
  void CountLateWakeup() override { member_.CountLateWakeup(); }
  ConsumerCounts counts() const override { return member_.counts(); }

  bool StoreLast() override {
    member_.NoteProgress();
    return false;
  }
  bool OfferRoom() override { return member_.OfferRoom(); }
  void Strand() noexcept override { member_.Strand(StrandedConsumerRing(), StrandedSeats(), StrandedSeat()); }

 private:
  // Adopts a message that a dead or evicted member holds. Returns true if Next will return that message.
  bool Adopt() {
    bool adopted = false;
    member_.ForEachLease([&](uint32_t seat, uint64_t) {
      adopted = segment::AdoptFrom(cold_.attached, member_, seat) == Adopted::kMine;
      return !adopted;
    });
    return adopted;
  }
  // Wakes a producer that waits for the room which this member gave up.
  void GiveRoom(bool offer) {
    if (offer && member_.OfferRoom()) WakeProducer(member_.seat());
  }

  ConsumerCold& cold_;
  RingMember<RealAtomics> member_;
};

}  // namespace

std::unique_ptr<Reader> Reader::Make(ConsumerHot& hot) {
  const ConsumerCold& cold = *hot.cold;
  if (cold.in_group()) return std::make_unique<GroupReader>(hot);
  if (cold.in_place()) return std::make_unique<InPlaceReader>(hot);
  if (cold.lossless()) return std::make_unique<LosslessCopyReader>(hot);
  return std::make_unique<LossyReader>(hot);
}

}  // namespace millrace::internal
