// SPDX-License-Identifier: Apache-2.0
// Named accessors of the shared words: the only place with memory orders.
//
// Each access has a label, says what it publishes or sees, and names its partner at the other end. The table
// protocol/memory_order.md lists the pairs; a test checks that labels, orders and table agree. Each
// relaxed access says why relaxed is enough. Callers have already checked that the address belongs to the
// ring.
#ifndef MILLRACE_INTERNAL_WORDS_H_
#define MILLRACE_INTERNAL_WORDS_H_

#include "millrace/internal/atomics.h"
#include "millrace/internal/layout.h"

namespace millrace::internal {

template <class A>
struct Words {
  // ---- publish: the producer -----------------------------------------------------------------------------
  // [P1] relaxed: the new stop sign. P2 makes it visible no later than the message before it.
  static void StoreStopSign(uint64_t& header) {
    A::Store(header, uint64_t{0}, std::memory_order_relaxed, Site::P1);
  }
  // [P10] relaxed: returns whether this header is already 0. Only the producer writes it, so a reader that
  // acquires P2 afterwards reads this 0 or a later value.
  static bool StopSignStands(const uint64_t& header) {
    return A::Load(header, std::memory_order_relaxed, Site::P10) == 0;
  }
  // [P2] release: publishes payload and stop sign; pairs with [C1].
  static void StoreHeader(uint64_t& header, uint64_t value) {
    A::Store(header, value, std::memory_order_release, Site::P2);
  }
  // [P3] release: stores the tail sequence, before the tail position; pairs with [T2].
  static void StoreTailSequence(TailWords& tail, uint64_t sequence) {
    A::Store(tail.sequence, sequence, std::memory_order_release, Site::P3);
  }
  // [P4] release: the frames below this position are published; pairs with [T1].
  static void StoreTailPosition(TailWords& tail, uint64_t position) {
    A::Store(tail.position, position, std::memory_order_release, Site::P4);
  }
  // Keeps the publication before the look at `sleepers`. The sleeper's membarrier [W3] is the CPU fence for
  // both sides.
  static void CompilerBarrierBeforeSleepers() { A::CompilerBarrier(Site::P5); }
  // [P5] seq_cst: keeps the publication before the look at `sleepers`, by a producer that is not registered
  // for membarrier [W3]; pairs with [W4].
  static void FencePublishBeforeSleepers() { A::Fence(std::memory_order_seq_cst, Site::P5); }
  // [P6] relaxed: ordered after the publication by P5. The value decides only whether to wake.
  static bool AnySleeper(const SleeperWords& words) {
    return A::Load(words.sleepers, std::memory_order_relaxed, Site::P6) != 0;
  }
  // [P7] acq_rel: takes the announcement before the epoch is raised; pairs with [W2].
  static bool TakeSleepers(SleeperWords& words) {
    return A::Exchange(words.sleepers, uint32_t{0}, std::memory_order_acq_rel, Site::P7) != 0;
  }
  // [P8] release: a consumer that sees the new epoch sees what was published before the wake-up; pairs with
  // [W1].
  static void BumpWakeEpoch(WakeWords& wake) {
    A::Add(wake.epoch, uint32_t{1}, std::memory_order_release, Site::P8);
  }

  // [P9] relaxed: a header inside a batch. P2 of the batch's first frame makes it visible.
  static void StoreBatchedHeader(uint64_t& header, uint64_t value) {
    A::Store(header, value, std::memory_order_relaxed, Site::P9);
  }

  // ---- consume -------------------------------------------------------------------------------------------
  // [C1] acquire: header before payload; pairs with [P2]. If this load reads a byte of a later lap, the
  // checks that follow detect it, because that byte was stored after R7.
  static uint64_t LoadHeader(const uint64_t& header) {
    return A::Load(header, std::memory_order_acquire, Site::C1);
  }
  // [C2] relaxed: returns the own seat's state, loaded after C1. If C1 read a header of a later lap, the
  // eviction that came before it [E1] is visible here.
  static uint64_t LoadOwnState(const SeatIdentity& seat) {
    return A::Load(seat.state, std::memory_order_relaxed, Site::C2);
  }
  // [C3] relaxed: R, loaded after C1. If C1 read a word of a later lap, the R6 that came before that word is
  // visible here.
  static uint64_t LoadReservedAfterHeader(const RoomWords& room) {
    return A::Load(room.reserved, std::memory_order_relaxed, Site::C3);
  }
  // [C4] acquire: a reader that has copied a byte of a later lap sees, after this fence, the R6 that came
  // before that byte; pairs with [R7].
  static void FenceAfterCopy() { A::Fence(std::memory_order_acquire, Site::C4); }
  // [C5] relaxed: R, ordered after the copied bytes by C4.
  static uint64_t LoadReservedAfterFence(const RoomWords& room) {
    return A::Load(room.reserved, std::memory_order_relaxed, Site::C5);
  }
  // [C6] release: all reads of the bytes below this position are done; pairs with [R5].
  static void StorePosition(SeatWords& seat, uint64_t position) {
    A::Store(seat.position, position, std::memory_order_release, Site::C6);
  }

  // ---- state of the producer -----------------------------------------------------------------------------
  // [S1] release: a reader that sees this epoch closed sees everything that the epoch published; pairs with
  // [S2].
  static void StoreState(RoomWords& room, uint64_t state) {
    A::Store(room.state, state, std::memory_order_release, Site::S1);
  }
  // [S2] acquire: loaded before the header that decides about the end of the ring; pairs with [S1].
  static uint64_t LoadState(const RoomWords& room) {
    return A::Load(room.state, std::memory_order_acquire, Site::S2);
  }
  // [S3] release: `removed` is set before waiters are woken; pairs with [S4].
  static void StoreRemoved(RoomWords& room) {
    A::Store(room.removed, uint32_t{1}, std::memory_order_release, Site::S3);
  }
  // [S4] acquire: only a hint, because the link count decides; pairs with [S3].
  static bool LoadRemoved(const RoomWords& room) {
    return A::Load(room.removed, std::memory_order_acquire, Site::S4) != 0;
  }

  // ---- tail pair: joiners, tools, take-over --------------------------------------------------------------
  // [T1] acquire: the tail position, loaded first; pairs with [P4].
  static uint64_t LoadTailPosition(const TailWords& tail) {
    return A::Load(tail.position, std::memory_order_acquire, Site::T1);
  }
  // [T2] acquire: the tail sequence, loaded second, so that it is never older than the position; pairs with
  // [P3].
  static uint64_t LoadTailSequence(const TailWords& tail) {
    return A::Load(tail.sequence, std::memory_order_acquire, Site::T2);
  }
  // [T3] acquire: R, loaded last, so that it is not older than what was loaded before it; pairs with [R6].
  static uint64_t LoadReserved(const RoomWords& room) {
    return A::Load(room.reserved, std::memory_order_acquire, Site::T3);
  }

  // ---- making room: the producer's slow path -------------------------------------------------------------
  // [R1] relaxed: the intent, ordered before the scan by R2.
  static void StoreIntent(RoomWords& room, uint64_t intent) {
    A::Store(room.intent, intent, std::memory_order_relaxed, Site::R1);
  }
  // [R2] seq_cst: intent before scan. Either the scan sees the joiner, or the joiner sees the intent;
  // pairs with [J4].
  static void FenceIntentBeforeScan() { A::Fence(std::memory_order_seq_cst, Site::R2); }
  // [R3] acquire: an unchanged count means that the last scan saw every seat; pairs with [J3].
  static uint32_t LoadJoins(const JoinWords& join) {
    return A::Load(join.joins, std::memory_order_acquire, Site::R3);
  }
  // [R8] acquire: the number of seats to scan; pairs with [J7].
  static uint32_t LoadSeatsUsed(const JoinWords& join) {
    return A::Load(join.seats_used, std::memory_order_acquire, Site::R8);
  }
  // [R4] acquire: a seat's state, loaded before its position; pairs with [J2], [J6] and [J8].
  static uint64_t LoadSeatState(const SeatIdentity& seat) {
    return A::Load(seat.state, std::memory_order_acquire, Site::R4);
  }
  // [R5] acquire: the holder has read everything below this position, so it may be overwritten; pairs with
  // [C6] and [J1].
  static uint64_t LoadSeatPosition(const SeatWords& seat) {
    return A::Load(seat.position, std::memory_order_acquire, Site::R5);
  }
  // [R6] release: stores R before any byte that R gives up; pairs with [T3]. For the copies of lossy readers
  // R7 does the ordering.
  static void StoreReserved(RoomWords& room, uint64_t reserved) {
    A::Store(room.reserved, reserved, std::memory_order_release, Site::R6);
  }
  // [R7] release: R before all bytes stored after this fence; pairs with [C4].
  static void FenceReservedBeforeBytes() { A::Fence(std::memory_order_release, Site::R7); }

  // [R12] acquire: a group's flags, loaded before its cursor; pairs with [G12].
  static uint32_t LoadGroupFlagsForScan(const GroupWords& group) {
    return A::Load(group.flags, std::memory_order_acquire, Site::R12);
  }
  // [R9] acquire: cursors before leases. A member that moved this cursor had stored its lease first;
  // pairs with [G4] and [G11].
  static uint64_t LoadCursorForScan(const GroupWords& group) {
    return A::Load(group.cursor, std::memory_order_acquire, Site::R9);
  }
  // [R10] acquire: the member is done with everything below its lease; pairs with [G2] and [G5].
  static uint64_t LoadLeaseForScan(const SeatWords& seat) {
    return A::Load(seat.lease, std::memory_order_acquire, Site::R10);
  }
  // [R11] acquire: loaded before and after the leases. If the count is unchanged, no lease moved past the
  // scan unseen; pairs with [G7].
  static uint32_t LoadMoves(const GroupWords& group) {
    return A::Load(group.moves, std::memory_order_acquire, Site::R11);
  }

  // ---- groups: members -----------------------------------------------------------------------------------
  // [G1] acquire: everything below the cursor was published when another member moved it here; pairs with
  // [G4] and [G11].
  static uint64_t LoadCursor(const GroupWords& group) {
    return A::Load(group.cursor, std::memory_order_acquire, Site::G1);
  }
  // [G2] release: stores a new lease, tentative or none. A scan may read it in place of the earlier one,
  // because the reads of the earlier message are done; pairs with [R10] and [G6].
  static void StoreLease(SeatWords& seat, uint64_t lease) {
    A::Store(seat.lease, lease, std::memory_order_release, Site::G2);
  }
  // [G3] relaxed: the end of a lease. G4 makes it visible with the cursor, or G2 when a lease is adopted.
  static void StoreLeaseEnd(SeatWords& seat, uint64_t end) {
    A::Store(seat.lease_end, end, std::memory_order_relaxed, Site::G3);
  }
  // [G4] acq_rel: takes the frames between `from` and `to`. A scan that sees the new cursor sees the lease;
  // pairs with [G1] and [R9].
  static bool MoveCursor(GroupWords& group, uint64_t from, uint64_t to) {
    return A::CompareExchange(group.cursor, from, to, std::memory_order_acq_rel, Site::G4);
  }
  // [G5] acq_rel: the reads below the new lease are done. Fails after another member has adopted the lease;
  // pairs with [R10] and [G6].
  static bool ChangeLease(SeatWords& seat, uint64_t from, uint64_t to) {
    return A::CompareExchange(seat.lease, from, to, std::memory_order_acq_rel, Site::G5);
  }
  // [G6] acquire: the lease of a seat, loaded before its end; pairs with [G2] and [G5].
  static uint64_t LoadLease(const SeatWords& seat) {
    return A::Load(seat.lease, std::memory_order_acquire, Site::G6);
  }
  // [G7] release: counted after the lease is at its new place and before it leaves the old one [G5];
  // pairs with [R11].
  static void CountMove(GroupWords& group) {
    A::Add(group.moves, uint32_t{1}, std::memory_order_release, Site::G7);
  }
  // [G8] relaxed: the end of a lease, loaded after G6, or under the dead holder's lock.
  static uint64_t LoadLeaseEnd(const SeatWords& seat) {
    return A::Load(seat.lease_end, std::memory_order_relaxed, Site::G8);
  }
  // [G9] relaxed: a count and its message are one word. The kernel's lock orders a dead holder's count. The
  // count of an evicted holder that lives may be one too low.
  static void StoreDeliveries(SeatWords& seat, uint64_t deliveries) {
    A::Store(seat.deliveries, deliveries, std::memory_order_relaxed, Site::G9);
  }
  // [G10] relaxed: for the reasons given at G9.
  static uint64_t LoadDeliveries(const SeatWords& seat) {
    return A::Load(seat.deliveries, std::memory_order_relaxed, Site::G10);
  }
  // [G11] release: where a new group begins. Stored before its flags, and again in each further round;
  // pairs with [G1] and [R9].
  static void StoreCursor(GroupWords& group, uint64_t position) {
    A::Store(group.cursor, position, std::memory_order_release, Site::G11);
  }
  // [G12] release: cursor, generation and name belong to these flags; pairs with [G13] and [R12].
  static void StoreGroupFlags(GroupWords& group, uint32_t flags) {
    A::Store(group.flags, flags, std::memory_order_release, Site::G12);
  }
  // [G13] acquire: a group's flags, loaded before the words they describe; pairs with [G12] and [G14].
  static uint32_t LoadGroupFlags(const GroupWords& group) {
    return A::Load(group.flags, std::memory_order_acquire, Site::G13);
  }
  // [G14] acq_rel: afterwards the group's cursor and leases hold nothing back; pairs with [G13].
  static bool RetireGroup(GroupWords& group, uint32_t flags) {
    return A::CompareExchange(group.flags, flags, uint32_t{0}, std::memory_order_acq_rel, Site::G14);
  }
  // ---- marks ---------------------------------------------------------------------------------------------
  // [K1] relaxed: the mark is void while it is rewritten. K2 keeps this store before the new contents.
  static void VoidMark(Mark& mark) {
    A::Store(mark.position, ~uint64_t{0}, std::memory_order_relaxed, Site::K1);
  }
  // [K2] release: void before the new contents; pairs with [K7].
  static void FenceMarkVoid() { A::Fence(std::memory_order_release, Site::K2); }
  // [K3] relaxed: made visible by K4.
  static void StoreMarkSequence(Mark& mark, uint64_t sequence) {
    A::Store(mark.sequence, sequence, std::memory_order_relaxed, Site::K3);
  }
  // [K9] relaxed: made visible by K4.
  static void StoreMarkTime(Mark& mark, uint64_t time_ns) {
    A::Store(mark.time_ns, time_ns, std::memory_order_relaxed, Site::K9);
  }
  // [K4] release: publishes sequence and time; pairs with [K5].
  static void StoreMarkPosition(Mark& mark, uint64_t position) {
    A::Store(mark.position, position, std::memory_order_release, Site::K4);
  }
  // [K5] acquire: the position, loaded before sequence and time; pairs with [K4].
  static uint64_t LoadMarkPosition(const Mark& mark) {
    return A::Load(mark.position, std::memory_order_acquire, Site::K5);
  }
  // [K6] relaxed: loaded between K5 and K8, which show whether this sequence belongs to the position.
  static uint64_t LoadMarkSequence(const Mark& mark) {
    return A::Load(mark.sequence, std::memory_order_relaxed, Site::K6);
  }
  // [K10] relaxed: loaded between K5 and K8, as the sequence is.
  static uint64_t LoadMarkTime(const Mark& mark) {
    return A::Load(mark.time_ns, std::memory_order_relaxed, Site::K10);
  }
  // [K7] acquire: a reader that has seen new contents sees the void before them; pairs with [K2].
  static void FenceMarkRead() { A::Fence(std::memory_order_acquire, Site::K7); }
  // [K8] relaxed: ordered after the sequence by K7.
  static uint64_t ReloadMarkPosition(const Mark& mark) {
    return A::Load(mark.position, std::memory_order_relaxed, Site::K8);
  }

  // ---- join ----------------------------------------------------------------------------------------------
  // [J1] release: a scan may pair this position with the state of the seat's last holder. That holder's reads
  // are then done too: they came before its lock was released; pairs with [R5]. J2 makes the position visible
  // with the new state.
  static void StoreJoinPosition(SeatWords& seat, uint64_t position) {
    A::Store(seat.position, position, std::memory_order_release, Site::J1);
  }
  // [J2] release: the position belongs to this holder; pairs with [R4].
  static void StoreJoining(SeatIdentity& seat, uint64_t state) {
    A::Store(seat.state, state, std::memory_order_release, Site::J2);
  }
  // [J3] release: counted after the seat is visible and before the fence; pairs with [R3].
  static void CountJoin(JoinWords& join) {
    A::Add(join.joins, uint32_t{1}, std::memory_order_release, Site::J3);
  }
  // [J4] seq_cst: seat before intent; pairs with [R2].
  static void FenceSeatBeforeIntent() { A::Fence(std::memory_order_seq_cst, Site::J4); }
  // [J5] relaxed: the intent, ordered after the seat by J4.
  static uint64_t LoadIntent(const RoomWords& room) {
    return A::Load(room.intent, std::memory_order_relaxed, Site::J5);
  }
  // [J6] acq_rel: joining becomes live. Fails if the seat was evicted before; pairs with [R4] and [E1].
  static bool GoLive(SeatIdentity& seat, uint64_t joining, uint64_t live) {
    return A::CompareExchange(seat.state, joining, live, std::memory_order_acq_rel, Site::J6);
  }
  // [J7] acq_rel: makes scans reach this seat, before J2 shows the seat; pairs with [R8].
  static void RaiseSeatsUsed(JoinWords& join, uint32_t at_least) {
    uint32_t seen = A::Load(join.seats_used, std::memory_order_relaxed, Site::X);
    while (seen < at_least &&
           !A::CompareExchange(join.seats_used, seen, at_least, std::memory_order_acq_rel, Site::J7)) {
    }
  }
  // [J8] release: if the seat is seen free, the reads of its last holder are done. A lease adopted from it is
  // at its new place and counted; pairs with [R4].
  static void StoreFree(SeatIdentity& seat, uint64_t state) {
    A::Store(seat.state, state, std::memory_order_release, Site::J8);
  }

  // ---- evict ---------------------------------------------------------------------------------------------
  // [E1] acq_rel: evicts before R gives up any byte that the seat protected; pairs with [C2], through R7 and
  // C1, and with [J6] and [E2].
  static bool Evict(SeatIdentity& seat, uint64_t from, uint64_t evicted) {
    return A::CompareExchange(seat.state, from, evicted, std::memory_order_acq_rel, Site::E1);
  }
  // [E2] acquire: the reason is complete when the state says evicted; pairs with [E1].
  static uint64_t LoadStateForReason(const SeatIdentity& seat) {
    return A::Load(seat.state, std::memory_order_acquire, Site::E2);
  }

  // ---- consumers wait ------------------------------------------------------------------------------------
  // [W1] acquire: the wake epoch, loaded before the announcement; pairs with [P8].
  static uint32_t LoadWakeEpoch(const WakeWords& wake) {
    return A::Load(wake.epoch, std::memory_order_acquire, Site::W1);
  }
  // [W2] release: announces a sleeper. W3 or W4 orders it before the last look; pairs with [P7].
  static void AnnounceSleeper(SleeperWords& words) {
    A::Store(words.sleepers, uint32_t{1}, std::memory_order_release, Site::W2);
  }
  // [W4] seq_cst: announcement before the last look; pairs with [P5] and [O2]. ([W3] is its asymmetric form,
  // the membarrier system call, in parking.h.)
  static void FenceAnnouncement() { A::Fence(std::memory_order_seq_cst, Site::W4); }
  // [W5] acquire: which of the two barriers this producer epoch needs; pairs with [O1].
  static uint64_t LoadFlags(const RoomWords& room) {
    return A::Load(room.flags, std::memory_order_acquire, Site::W5);
  }
  // [W6] relaxed: returns whether the announcement was not taken yet. This is a hint: a producer that takes
  // it raises the epoch, which FUTEX_WAIT compares.
  static bool AnnouncementStands(const SleeperWords& words) {
    return A::Load(words.sleepers, std::memory_order_relaxed, Site::W6) != 0;
  }

  // ---- the producer waits for room -----------------------------------------------------------------------
  // [B1] acquire: the room epoch, loaded before the announcement; pairs with [F4].
  static uint32_t LoadRoomEpoch(const RoomEpochWords& room) {
    return A::Load(room.epoch, std::memory_order_acquire, Site::B1);
  }
  // [B2] relaxed: ordered before the last scan by B3; pairs with [F3].
  static void AnnounceRoomWaiter(RoomWaitingWords& words) {
    A::Store(words.waiting, uint32_t{1}, std::memory_order_relaxed, Site::B2);
  }
  // [B3] seq_cst: announcement before the last scan; pairs with [F1].
  static void FenceRoomWaiter() { A::Fence(std::memory_order_seq_cst, Site::B3); }

  // ---- a consumer frees room -----------------------------------------------------------------------------
  // [F1] seq_cst: position before the look at `room_waiting`; pairs with [B3].
  static void FencePositionBeforeWaiter() { A::Fence(std::memory_order_seq_cst, Site::F1); }
  // [F2] relaxed: ordered by F1 where it decides. Elsewhere it is a hint to store the position early.
  static bool RoomWanted(const RoomWaitingWords& words) {
    return A::Load(words.waiting, std::memory_order_relaxed, Site::F2) != 0;
  }
  // [F3] acq_rel: takes the announcement before the room epoch is raised; pairs with [B2].
  static bool TakeRoomWaiter(RoomWaitingWords& words) {
    return A::Exchange(words.waiting, uint32_t{0}, std::memory_order_acq_rel, Site::F3) != 0;
  }
  // [F4] release: a producer that sees the new room epoch sees the freed room; pairs with [B1].
  static void BumpRoomEpoch(RoomEpochWords& room) {
    A::Add(room.epoch, uint32_t{1}, std::memory_order_release, Site::F4);
  }

  // ---- a producer attaches -------------------------------------------------------------------------------
  // [O1] release: the epoch and the kind of its barrier, stored after the registration; pairs with [W5].
  static void StoreFlags(RoomWords& room, uint64_t flags) {
    A::Store(room.flags, flags, std::memory_order_release, Site::O1);
  }
  // [O2] seq_cst: flags before the first publication; pairs with [W4].
  static void FenceFlagsBeforePublish() { A::Fence(std::memory_order_seq_cst, Site::O2); }

  // ---- words for people: counters, identities. They order nothing -----------------------------------------
  template <class T>
  static T Peek(const T& word) {
    return A::Load(word, std::memory_order_relaxed, Site::X);
  }
  template <class T>
  static void Note(T& word, T value) {
    A::Store(word, value, std::memory_order_relaxed, Site::X);
  }
  // Adds atomically, because several tools may evict at the same time.
  static void CountToolEviction(CounterWords& counters) {
    A::Add(counters.tool_evictions, uint64_t{1}, std::memory_order_relaxed, Site::X);
  }
};

}  // namespace millrace::internal

#endif  // MILLRACE_INTERNAL_WORDS_H_
