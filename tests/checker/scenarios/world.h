// SPDX-License-Identifier: Apache-2.0
// The shared memory of a scenario, and what is true about it.
//
// The record of what is true is kept by watching every store as it happens: which messages were published,
// where their frames lie, how far R moved. Threads are judged by this record and cannot read it.
#ifndef MILLRACE_TESTS_CHECKER_SCENARIOS_WORLD_H_
#define MILLRACE_TESTS_CHECKER_SCENARIOS_WORLD_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "millrace/internal/layout.h"
#include "millrace/internal/ring_producer.h"
#include "tests/checker/engine/machine.h"
#include "tests/checker/scenarios/group_truth.h"

namespace millrace::checker {

inline constexpr uint64_t kLeastCapacity =
    512;  // bytes, the smallest that the ring's arithmetic allows: chunks of 8 bytes
inline constexpr uint64_t kMostCapacity = 2048;  // bytes; chunks of 32 bytes hold several frames
inline constexpr size_t kMostWords = kMostCapacity / 8;

// The queue at the beginning of a scenario.
struct Shape {
  internal::Point start;  // of the first message
  uint64_t max_message = 112;
  std::vector<uint16_t> sizes;  // payload bytes of the messages, repeated in turn
  bool asym = true;             // the first producer registered for membarrier
  uint64_t capacity = kLeastCapacity;
  bool hostile = false;    // the ring may contain garbage: "damaged" is a valid result
  uint32_t groups = 0;     // existing groups, with their cursors at the first message
  uint32_t published = 0;  // messages that were published before
  // A member of group 0 has taken message 0. It is dead (kDead), or evicted and alive (kEvicted). Otherwise
  // another member has taken and finished the message, and the evicted one leases it all the same:
  // tentatively (kLost), or only later (kLate).
  enum class Orphan : uint8_t { kNone, kDead, kEvicted, kLost, kLate } orphan = Orphan::kNone;
  uint32_t orphan_seat = 0;
  bool joins_groups = false;  // members create their groups
  bool meddled = false;       // a peer moves the position of a seat: "damaged" is a valid result
  bool grouped() const { return groups != 0 || joins_groups; }
};

// The gate that stands for the name of the ring: held while the name is there.
inline constexpr int kName = 1;

struct Published {
  uint64_t position;  // of its frame
  uint64_t before;    // boundary before it: differs from position by a padding frame
  uint32_t producer;
  uint32_t bytes;
  bool with_last = false;  // became visible together with the message before it
};

class World {
 public:
  struct Bytes {
    internal::RingControl control;
    alignas(4096) std::byte data[kMostCapacity];
    internal::SeatsControl seats_control;
    internal::Seat seats[kSeats];
    internal::Seat scratch[kThreads];  // seats of observers; in the library they are private memory
    internal::RoomWaitingWords scratch_waiting;
    internal::RoomEpochWords scratch_epoch;
  };

  World();
  void Build(const Shape& shape);  // before the first execution
  void Reset();                    // before every execution
  uint64_t Hash() const;           // of what is true at this point

  internal::RingMemory Ring() {
    return {&bytes_->control, bytes_->data, shape_.capacity, shape_.max_message};
  }
  internal::SeatTable Seats() { return {&bytes_->seats_control, bytes_->seats, kSeats}; }
  Bytes& bytes() { return *bytes_; }
  const Shape& shape() const { return shape_; }
  const uint32_t* WordOf(Site site) const;  // returns the 32-bit word that this label concerns

  // The messages: their sizes and bytes follow from sequence and producer.
  uint32_t SizeOf(uint64_t sequence, uint32_t producer) const;
  static uint64_t WordAt(uint64_t sequence, uint32_t producer, size_t i);
  // Requires that these words were published with that sequence. Violates otherwise.
  void Judge(uint64_t sequence, const uint64_t* words, uint64_t bytes) const;
  // Requires that `point` is a frame boundary with its sequence. Violates otherwise.
  void JudgeBoundary(internal::Point point, const char* what) const;

  uint64_t published() const { return shape_.start.sequence + messages_.size(); }  // sequence of the next
  uint64_t end() const { return end_; }  // position of the next frame
  bool IsEnd(uint64_t position) const { return position == end_ || position == boundary_; }
  bool IsBoundary(uint64_t position) const;
  // Below, messages have an index: 0 is the first one published in this scenario.
  static constexpr uint64_t kNoIndex = ~uint64_t{0};
  uint64_t IndexAt(uint64_t position) const;
  uint64_t PositionOf(uint64_t i) const {
    return i < messages_.size() ? messages_[i].position : internal::kNoLease;
  }
  internal::Point BeginsAt() const { return {first_end_, shape_.start.sequence + shape_.published}; }
  // Records the calling thread's result.
  void Concludes(uint64_t result);
  const Published* Find(uint64_t sequence) const;
  void OwnedBy(uint32_t producer) {
    producer_ = producer;
    to_come_.clear();
  }
  // Announces that the next publication is a batch: these headers follow its first.
  void Batch(std::vector<uint64_t> more) { to_come_ = std::move(more); }
  // Requires that no further message is visible to a reader at this sequence, and that it is not inside a
  // batch.
  void JudgeEmpty(uint64_t sequence) const;

  void Stored(const void* address, uint64_t value, Site site);
  void Exchanged(const void* address, uint64_t from, uint64_t to, Site site);
  // Records the position that was judged. An eviction must hit the holder that was judged, not a later one.
  void Judged(const void* seat_position, uint64_t value);
  // The calling thread's evictions from here on are for no position: they are on request, or the seat's group
  // holds the producer back.
  void OnRequest(bool on) {
    const uint8_t bit = static_cast<uint8_t>(1u << machine->self());
    on_request_ = static_cast<uint8_t>(on ? on_request_ | bit : on_request_ & ~bit);
  }
  // Is there something that a member finds only by polling?
  bool Unannounced() const { return closed_ || groups.SomethingAbandoned(); }
  std::string NameOf(const void* address) const;

  KernelLock producer_lock;
  KernelLock seat_locks[kSeats], adopter_locks[kSeats];
  KernelLock group_locks[kGroupsUsed];
  KernelLock gates[3];  // opened by the threads born with them, mostly after joining; 2: a cue

  GroupTruth groups;

 private:
  void Prepublish();
  uint32_t GroupAt(const void* word) const;  // returns kGroupsUsed if none
  void StoredInSeat(uint32_t seat, uint64_t value, Site site);
  void Evicted(uint32_t seat);
  void Reveal(uint64_t header, bool with_last);
  uint32_t SeatAt(const void* word) const;  // returns kSeats if none

  std::unique_ptr<Bytes> bytes_;
  Shape shape_;
  std::vector<Published> messages_;
  std::vector<uint64_t> to_come_;
  uint64_t end_ = 0;       // position after the last frame published
  uint64_t boundary_ = 0;  // as end_, but before padding that belongs to the next message
  uint64_t reserved_ = 0;
  uint64_t first_end_ = 0;  // end of what was published before the scenario began
  uint32_t producer_ = 1;
  uint32_t epoch_ = 1;
  bool closed_ = false;
  uint64_t results_[kThreads] = {};
  std::vector<uint64_t> positions_[kSeats];  // positions of the present holder
  uint64_t judged_[kSeats] = {};             // last position judged by the producer
  uint8_t on_request_ = 0;                   // threads, as bits
};

extern World* world;

}  // namespace millrace::checker

#endif  // MILLRACE_TESTS_CHECKER_SCENARIOS_WORLD_H_
