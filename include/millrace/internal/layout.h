// SPDX-License-Identifier: Apache-2.0
// The bytes of a ring: what lies where in /NAME.ring and /NAME.seats.
//
// Purpose: the one description of shared memory. protocol/format.md "Bytes" shows it as tables, and a test
// compares them with these structs. This header reads and writes no word; words.h does.
//
// Each field names its writer, its unit, and any process that reads it while it is written ("racily"). The
// fields of the two headers are written before the object gets its name and never again; readers copy them
// once (pread). Sizes and offsets are part of the format: a change of one changes kLayoutMajor.
#ifndef MILLRACE_INTERNAL_LAYOUT_H_
#define MILLRACE_INTERNAL_LAYOUT_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace millrace::internal {

inline constexpr uint32_t kLayoutMajor = 1;
inline constexpr uint32_t kLayoutMinor = 0;
inline constexpr char kRingMagic[8] = {'m', 'i', 'l', 'l', 'r', 'i', 'n', 'g'};
inline constexpr char kLockMagic[8] = {'m', 'i', 'l', 'l', 'l', 'o', 'c', 'k'};  // the whole of /NAME.lock
inline constexpr char kSeatsMagic[8] = {'m', 'i', 'l', 'l', 's', 'e', 'a', 't'};

// Feature masks. An unknown *incompatible* bit: the object is refused. An unknown *write* bit: the object may
// only be read. An unknown *compatible* bit is ignored and kept. This build knows no bit.
inline constexpr uint64_t kKnownIncompatible = 0;
inline constexpr uint64_t kKnownWrite = 0;

// Two 64-byte lines, because hardware prefetches lines in pairs. Not
// std::hardware_destructive_interference_size, which follows -mtune and would move the fields.
inline constexpr size_t kLine = 128;

inline constexpr uint64_t kMinCapacity = 4096;
inline constexpr uint64_t kMaxCapacity = 8ull << 30;
inline constexpr uint64_t kDefaultCapacity = 1ull << 20;
inline constexpr uint64_t kMaxPayload = (1ull << 28) - 64;
inline constexpr uint32_t kMaxSeats = 1024;
inline constexpr uint32_t kGroups = 8;
inline constexpr uint32_t kMarks = 64;
inline constexpr size_t kMaxSchema = 1000;
inline constexpr size_t kLabelBytes = 64;  // 63 characters and a zero

constexpr uint64_t MaxPayloadFor(uint64_t capacity) {
  return capacity / 8 < kMaxPayload ? capacity / 8 : kMaxPayload;
}

// Bytes of kernel lock in .lock, .ring and .seats. Kernel locks are advisory byte ranges of a file. They are
// not memory, and the file need not be that long.
inline constexpr uint64_t kLockProducer = 0;          // .lock and .ring
inline constexpr uint64_t kLockLifeCycle = 1;         // .lock
inline constexpr uint64_t kLockSeat = 16;             // .seats, + index of the seat
inline constexpr uint64_t kLockGroup = 16 + 1024;     // .seats, + index of the group
inline constexpr uint64_t kLockAdopter = 16 + 2048;   // .seats, + index of the seat; for adopting from it
inline constexpr uint64_t kLockSeatsEnd = 16 + 3072;  // .seats, end of all its locks

// ---- /NAME.ring ------------------------------------------------------------------------------------------

// First page of .ring. Written by the creator before the ring has a name.
struct RingHeader {
  char magic[8];
  uint32_t layout_major;
  uint32_t layout_minor;
  uint64_t features_incompatible;
  uint64_t features_write;
  uint64_t features_compatible;
  uint64_t file_bytes;      // of .ring
  uint64_t data_offset;     // bytes from the start of the file to position 0 of the ring
  uint64_t capacity;        // bytes, power of two
  uint64_t max_message;     // payload bytes
  uint64_t created_ns;      // CLOCK_REALTIME; for people, and for the grace time of pruning
  uint8_t incarnation[16];  // random; equal in .ring and .seats of one ring
  uint32_t seats;           // seats in .seats
  uint32_t groups;          // groups in .seats
  uint32_t schema_bytes;
  uint32_t unused_word;  // 0
  char schema[kMaxSchema];
  uint8_t unused[2984];
};

// state: {producer epoch : 32, ..., open : bit 0}. Written by the producer; read racily by every process.
inline constexpr uint64_t kStateOpen = 1;
constexpr uint64_t MakeState(uint32_t epoch, bool open) {
  return uint64_t{epoch} << 32 | (open ? kStateOpen : 0);
}
constexpr uint32_t EpochOf(uint64_t state_or_flags) { return static_cast<uint32_t>(state_or_flags >> 32); }
constexpr bool IsOpen(uint64_t state) { return (state & kStateOpen) != 0; }
// Returns whether the last producer has closed the ring: its stream is complete. A ring that never had a
// producer is neither open nor closed.
constexpr bool IsClosed(uint64_t state) { return EpochOf(state) != 0 && !IsOpen(state); }

// flags: {producer epoch : 32, bits}. One word, so that a bit is always read with the epoch it belongs to.
inline constexpr uint64_t kFlagAsym = 1;          // this epoch's producer registered for membarrier
inline constexpr uint64_t kFlagAliveUnknown = 2;  // no lock on .ring byte 0: its life cannot be proved
inline constexpr uint64_t kFlagBatches = 4;       // one publication of this epoch may be several messages

inline constexpr uint32_t kAttributeKeep = 1;  // never stale

struct alignas(kLine) RoomWords {
  uint64_t intent;    // position; the producer, before it scans seats; joiners racily
  uint64_t reserved;  // position R: bytes below R - capacity may be overwritten. The producer; readers racily
  uint64_t state;     // see MakeState
  uint64_t flags;     // see kFlagAsym. The producer, when it attaches and at its first batch; waiters racily
  uint64_t epoch_first_sequence;  // sequence; first message of this producer epoch. The producer
  uint32_t removed;     // 1 once the names are being unlinked. The process that unlinks; others racily
  uint32_t attributes;  // kAttributeKeep. Creator and tools under the life-cycle lock
};

struct alignas(kLine) TailWords {
  uint64_t position;  // a frame boundary; lags the end of what is published. The producer
  uint64_t sequence;  // of the message there. The producer; read as a pair (protocol/publish.md "Tail pair")
};

struct alignas(kLine) WakeWords {
  uint32_t epoch;  // futex of consumers. Raised before every wake-up. The producer, unlink, evicting tools
};

// activity: {producer epoch : 32, consumers awaited : 24, kind : 8}. What stops the producer of that epoch.
// One word, so that what a killed producer left is never taken for its successor's.
enum class Activity : uint8_t { kNone = 0, kFull = 1, kWaitsForRoom = 2, kWaitsForConsumers = 3 };
constexpr uint64_t MakeActivity(uint32_t epoch, Activity kind, uint64_t consumers = 0) {
  constexpr uint64_t kMost = (1u << 24) - 1;
  return uint64_t{epoch} << 32 | (consumers < kMost ? consumers : kMost) << 8 | static_cast<uint8_t>(kind);
}
constexpr Activity ActivityOf(uint64_t word) { return static_cast<Activity>(word & 0xff); }
constexpr uint32_t AwaitedConsumers(uint64_t word) { return static_cast<uint32_t>(word) >> 8; }

// last_wake: {CLOCK_REALTIME in milliseconds : 42, low bits of the next sequence : 22}. One word, so that a
// time is never read with another message.
inline constexpr uint64_t kLastWakeSequence = (1u << 22) - 1;
constexpr uint64_t MakeLastWake(uint64_t realtime_ns, uint64_t sequence) {
  return realtime_ns / 1'000'000 << 22 | (sequence & kLastWakeSequence);
}
constexpr uint64_t LastWakeNs(uint64_t word) { return (word >> 22) * 1'000'000; }

// Counters and notes for people. Written by the producer in its slow path and when it closes or detaches;
// read racily by tools.
struct alignas(kLine) CounterWords {
  uint64_t bytes;           // payload bytes published
  uint64_t dropped;         // messages dropped by OnFull::kDropNew
  uint64_t blocked;         // times the producer waited for room
  uint64_t blocked_ns;      // nanoseconds the producer waited for room
  uint64_t evictions;       // seats evicted for nonsense or by policy
  uint64_t wakes;           // FUTEX_WAKE calls
  uint64_t abandoned;       // leases that were given up with their group
  uint64_t activity;        // see MakeActivity
  uint64_t since_ns;        // CLOCK_MONOTONIC: when `activity` began
  uint64_t wanted_end;      // position up to which there was no room
  uint64_t last_wake;       // see MakeLastWake: the last publication that woke a consumer
  uint64_t tool_evictions;  // seats evicted on request. Tools, by atomic addition
};

// Describes the producer, for people only. Written when it attaches; read racily by tools.
struct alignas(kLine) ProducerIdentity {
  uint64_t pid_namespace;  // inode number of the producer's PID namespace; 0: not known
  uint64_t since_ns;       // CLOCK_REALTIME
  uint32_t pid;            // inside that namespace
  uint32_t uid;
  char label[kLabelBytes];
  uint64_t left_ns;  // CLOCK_REALTIME: when a producer last closed the ring or left it; 0: never
};

// A mark: a recorded frame boundary, about one per chunk (capacity / 64). Written by the producer; read
// racily, by the seqlock of protocol/room.md "Marks", which also explains its time.
struct Mark {
  uint64_t position;  // ~0 if the mark is void or being written
  uint64_t sequence;  // sequence of the message at position
  // CLOCK_REALTIME. What lies before the mark was published by then, what lies after it was published later.
  uint64_t time_ns;
  uint64_t unused;
};

// Second page of .ring.
struct RingControl {
  RoomWords room;
  TailWords tail;
  WakeWords wake;
  CounterWords counters;
  ProducerIdentity producer;
  uint8_t unused[1408];
  Mark marks[kMarks];
};

inline constexpr uint64_t kRingControlOffset = 4096;
inline constexpr uint64_t kRingDataOffset = 8192;
constexpr uint64_t RingFileBytes(uint64_t capacity) { return kRingDataOffset + capacity; }

// ---- /NAME.seats -----------------------------------------------------------------------------------------

// First 2 KiB of .seats. Written by the creator before the ring has a name.
struct SeatsHeader {
  char magic[8];
  uint32_t layout_major;
  uint32_t layout_minor;
  uint64_t features_incompatible;
  uint64_t features_write;
  uint64_t features_compatible;
  uint64_t file_bytes;    // of .seats
  uint64_t seats_offset;  // bytes from the start of the file to seat 0
  uint8_t incarnation[16];
  uint32_t seats;
  uint32_t groups;
  uint8_t unused[1968];
};

struct alignas(kLine) SleeperWords {
  uint32_t sleepers;  // 1: a consumer may be asleep. Set by waiters, cleared by the producer that wakes
};

struct alignas(kLine) RoomWaitingWords {
  uint32_t waiting;  // 1: the producer may be asleep for room. Set by it, cleared by consumers
};

struct alignas(kLine) RoomEpochWords {
  uint32_t epoch;  // futex of the producer. Raised before every wake-up of the producer
};

struct alignas(kLine) JoinWords {
  uint32_t seats_used;  // seats ever used: scans stop here. Only grows
  uint32_t joins;       // futex. +1 in every round of a join or group creation, and when a seat goes live
};

// One group: its members share the messages from the cursor on. protocol/groups.md.
struct alignas(kLine) GroupWords {
  uint64_t cursor;       // position of the next frame that no member has taken. Members by CAS
  uint64_t unused_word;  // 0
  uint32_t generation;   // +1 with each creation. Creator, under the lock of every group
  uint32_t flags;        // kGroupUsed ... The group's creator; the process that retires the group
  char name[kLabelBytes];
  uint32_t moves;  // +1 whenever a lease moves from one seat to another. Members
  uint8_t unused[36];
};
inline constexpr uint32_t kGroupUsed = 1;
inline constexpr uint32_t kGroupDurable = 2;   // the group keeps its place without members
inline constexpr uint32_t kGroupCreating = 4;  // its cursor is still being chosen

// state of a seat: {generation : 32, by : 8, why : 8, delivery : 8, phase : 8}. `by` and `why` describe an
// eviction. One word, so that a state is always read with the holder (generation) it belongs to.
inline constexpr uint8_t kDeliveryLossless = 1;
inline constexpr uint8_t kDeliveryLossy = 2;
inline constexpr uint8_t kDeliveryGroup = 3;
enum class SeatPhase : uint8_t { kFree = 0, kJoining = 1, kLive = 2, kEvicted = 3 };
enum class EvictedBy : uint8_t { kNobody = 0, kProducer = 1, kTool = 2 };
enum class EvictedWhy : uint8_t { kNone = 0, kHeldBack = 1, kNonsense = 2, kRequest = 3 };

constexpr uint64_t MakeSeatState(uint32_t generation, SeatPhase phase, uint8_t delivery,
                                 EvictedBy by = EvictedBy::kNobody, EvictedWhy why = EvictedWhy::kNone) {
  return uint64_t{generation} << 32 | uint64_t{static_cast<uint8_t>(by)} << 24 |
         uint64_t{static_cast<uint8_t>(why)} << 16 | uint64_t{delivery} << 8 | static_cast<uint8_t>(phase);
}
constexpr uint32_t GenerationOf(uint64_t state) { return static_cast<uint32_t>(state >> 32); }
constexpr SeatPhase PhaseOf(uint64_t state) { return static_cast<SeatPhase>(state & 0xff); }
constexpr uint8_t DeliveryOf(uint64_t state) { return static_cast<uint8_t>(state >> 8); }
constexpr EvictedWhy WhyOf(uint64_t state) {
  return static_cast<EvictedWhy>(static_cast<uint8_t>(state >> 16));
}
constexpr EvictedBy ByOf(uint64_t state) { return static_cast<EvictedBy>(static_cast<uint8_t>(state >> 24)); }

inline constexpr uint64_t kNoLease = ~0ull;
inline constexpr uint64_t kLeaseTentative = 1;  // positions are multiples of 8, so the low bits are free
constexpr bool IsTentative(uint64_t lease) { return (lease & kLeaseTentative) != 0; }
constexpr uint64_t LeasePosition(uint64_t lease) { return lease & ~kLeaseTentative; }

// deliveries: {low 48 bits of position / 8, times : 16}. One word, so that a count is never read with the
// lease of another message.
inline constexpr uint64_t kMostDeliveries = 0xffff;
constexpr uint64_t MakeDeliveries(uint64_t position, uint64_t times) {
  return position / 8 << 16 | (times < kMostDeliveries ? times : kMostDeliveries);
}
constexpr uint64_t DeliveriesOf(uint64_t word, uint64_t position) {
  return word >> 16 == MakeDeliveries(position, 0) >> 16 ? word & kMostDeliveries : 0;
}

// A seat's first line. Written by its holder, except for leases, which adopters change too.
struct alignas(kLine) SeatWords {
  uint64_t position;    // everything below may be overwritten. Holder; the producer racily
  uint64_t lease;       // groups: position | kLeaseTentative, or kNoLease. Holder and adopters
  uint64_t lease_end;   // groups: position, end of a lease of several messages. Holder
  uint64_t deliveries;  // groups: see MakeDeliveries. Holder
  uint64_t sequence;    // sequence of the message at position. Holder; tools racily
  uint64_t received;    // messages
  uint64_t lost;        // messages
  uint64_t skipped;     // messages
  uint64_t overruns;
  uint64_t late_wakeups;
  uint64_t start_sequence;  // where this holder began
  uint64_t left_ns;         // CLOCK_REALTIME: when a holder last left; 0: never. Kept by the next holder
  uint8_t unused[32];
};

struct alignas(kLine) SeatIdentity {
  uint64_t state;             // see MakeSeatState. The lock's holder; joining|live -> evicted by CAS
  uint64_t evicted_sequence;  // next sequence at the eviction. The evicting process, before the state
  uint64_t pid_namespace;     // these four: holder, when it takes the seat; tools racily
  uint64_t since_ns;          // CLOCK_REALTIME
  uint32_t pid;
  uint32_t uid;
  uint32_t group;  // index + 1; 0: none
  uint32_t group_generation;
  char label[kLabelBytes];
  uint8_t unused[16];
};

struct Seat {
  SeatWords words;
  SeatIdentity identity;
};

// First page of .seats; the seats follow.
struct SeatsControl {
  SeatsHeader header;
  SleeperWords sleeper;
  RoomWaitingWords room_waiting;
  RoomEpochWords room_epoch;
  JoinWords join;
  GroupWords groups[kGroups];
  uint8_t unused[512];
};

inline constexpr uint64_t kSeatsOffset = 4096;
constexpr uint64_t SeatsFileBytes(uint32_t seats) {
  return (kSeatsOffset + uint64_t{seats} * sizeof(Seat) + 4095) & ~uint64_t{4095};
}

// ---- Frames ----------------------------------------------------------------------------------------------

// A frame is an 8-byte header and its payload, rounded up to 8. The header is one aligned word:
//   bits 0-27 payload bytes, 28-29 zero, 30 padding, 31 published, 32-63 low half of the sequence number.
// 0 means that nothing is there yet. A padding frame fills the ring to its end and carries the next sequence.
inline constexpr uint64_t kFrameHeader = 8;
inline constexpr uint64_t kFrameLengthMask = (1ull << 28) - 1;
inline constexpr uint64_t kFrameReservedBits = 3ull << 28;
inline constexpr uint64_t kFramePadding = 1ull << 30;
inline constexpr uint64_t kFramePublished = 1ull << 31;

// Largest frame of a small message: 128 bytes of payload, a few cache lines, which both sides fetch before
// they need them.
inline constexpr uint64_t kMostSmallFrame = 128 + kFrameHeader;
inline constexpr uint64_t kCacheLine = 64;  // what a CPU fetches in one step; a wrong value only costs time

constexpr uint64_t FrameBytes(uint64_t payload) { return (payload + kFrameHeader + 7) & ~uint64_t{7}; }
constexpr uint64_t MakeFrameHeader(uint64_t sequence, uint64_t payload, bool padding = false) {
  return sequence << 32 | kFramePublished | (padding ? kFramePadding : 0) | payload;
}
// Returns everything above the length: equal for the frame that is expected next, and different for any
// other.
constexpr uint64_t FrameTag(uint64_t header) { return header >> 28; }
constexpr uint64_t ExpectedTag(uint64_t sequence) { return FrameTag(MakeFrameHeader(sequence, 0)); }

// Returns by how much `a` is ahead of `b`. Positions are 64-bit byte counts that only grow and may wrap:
// compare differences, never values.
constexpr int64_t Ahead(uint64_t a, uint64_t b) { return static_cast<int64_t>(a - b); }

// Returns the 64-bit number nearest to `near` that has this low half.
constexpr uint64_t WidenSequence(uint32_t low, uint64_t near) {
  return near +
         static_cast<uint64_t>(static_cast<int64_t>(static_cast<int32_t>(low - static_cast<uint32_t>(near))));
}

// ---- Asserted byte for byte ------------------------------------------------------------------------------

static_assert(std::atomic_ref<uint64_t>::is_always_lock_free &&
              std::atomic_ref<uint32_t>::is_always_lock_free);
static_assert(sizeof(RingHeader) == 4096 && offsetof(RingHeader, layout_major) == 8);
static_assert(offsetof(RingHeader, features_incompatible) == 16 && offsetof(RingHeader, file_bytes) == 40);
static_assert(offsetof(RingHeader, capacity) == 56 && offsetof(RingHeader, max_message) == 64);
static_assert(offsetof(RingHeader, created_ns) == 72 && offsetof(RingHeader, incarnation) == 80);
static_assert(offsetof(RingHeader, seats) == 96 && offsetof(RingHeader, schema) == 112);
static_assert(sizeof(RoomWords) == kLine && offsetof(RoomWords, reserved) == 8 &&
              offsetof(RoomWords, state) == 16);
static_assert(offsetof(RoomWords, flags) == 24 && offsetof(RoomWords, epoch_first_sequence) == 32);
static_assert(offsetof(RoomWords, removed) == 40 && offsetof(RoomWords, attributes) == 44);
static_assert(sizeof(TailWords) == kLine && sizeof(WakeWords) == kLine && sizeof(CounterWords) == kLine);
static_assert(offsetof(CounterWords, activity) == 56 && offsetof(CounterWords, tool_evictions) == 88);
static_assert(sizeof(ProducerIdentity) == kLine && offsetof(ProducerIdentity, label) == 24);
static_assert(offsetof(ProducerIdentity, left_ns) == 88 && offsetof(SeatWords, left_ns) == 88);
static_assert(sizeof(Mark) == 32 && sizeof(RingControl) == 4096 && offsetof(RingControl, marks) == 2048);
static_assert(offsetof(RingControl, tail) == 128 && offsetof(RingControl, wake) == 256);
static_assert(offsetof(RingControl, counters) == 384 && offsetof(RingControl, producer) == 512);
static_assert(sizeof(SeatsHeader) == 2048 && offsetof(SeatsHeader, incarnation) == 56);
static_assert(offsetof(SeatsHeader, seats) == 72 && sizeof(SleeperWords) == kLine);
static_assert(sizeof(JoinWords) == kLine && offsetof(JoinWords, joins) == 4);
static_assert(sizeof(GroupWords) == kLine && offsetof(GroupWords, name) == 24 &&
              offsetof(GroupWords, moves) == 88);
static_assert(sizeof(SeatWords) == kLine && offsetof(SeatWords, start_sequence) == 80);
static_assert(sizeof(SeatIdentity) == kLine && offsetof(SeatIdentity, label) == 48);
static_assert(sizeof(Seat) == 256 && sizeof(SeatsControl) == 4096 && offsetof(SeatsControl, sleeper) == 2048);
static_assert(offsetof(SeatsControl, room_waiting) == 2176 && offsetof(SeatsControl, room_epoch) == 2304);
static_assert(offsetof(SeatsControl, join) == 2432 && offsetof(SeatsControl, groups) == 2560);

}  // namespace millrace::internal

#endif  // MILLRACE_INTERNAL_LAYOUT_H_
