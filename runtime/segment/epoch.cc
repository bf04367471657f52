// SPDX-License-Identifier: Apache-2.0
#include "runtime/segment/epoch.h"

#include "millrace/internal/words.h"
#include "runtime/os/park.h"
#include "runtime/segment/text.h"

namespace millrace::segment {

using internal::RealAtomics;
using internal::RingControl;
using internal::RingMemory;
using W = internal::Words<RealAtomics>;

uint32_t BeginEpoch(const RingMemory& memory, const EpochFacts& facts) {
  RingControl& control = *memory.control;
  const uint32_t epoch = internal::EpochOf(W::LoadState(control.room)) + 1;
  internal::ProducerIdentity& producer = control.producer;
  W::Note(producer.pid, os::Pid());
  W::Note(producer.uid, os::Uid());
  W::Note(producer.pid_namespace, os::PidNamespace());
  W::Note(producer.since_ns, os::WallNs());
  SetLabel(producer.label, facts.label.empty() ? os::ProgramName() : facts.label);
  W::Note(control.room.epoch_first_sequence, facts.at.sequence);
  // A killed remover may have set this. We hold the life-cycle lock, so no remover is at work.
  W::Note(control.room.removed, uint32_t{0});
  W::StoreTailSequence(control.tail, facts.at.sequence);
  W::StoreTailPosition(control.tail, facts.at.position);
  W::StoreFlags(control.room, uint64_t{epoch} << 32 | (facts.asym ? internal::kFlagAsym : 0) |
                                  (facts.alive_unknown ? internal::kFlagAliveUnknown : 0));
  W::FenceFlagsBeforePublish();
  W::StoreState(control.room, internal::MakeState(epoch, /*open=*/true));
  return epoch;
}

void NoteLeaving(const RingMemory& memory) { W::Note(memory.control->producer.left_ns, os::WallNs()); }

void CloseEpoch(const RingMemory& memory, uint32_t epoch) {
  NoteLeaving(memory);
  W::StoreState(memory.control->room, internal::MakeState(epoch, /*open=*/false));
  WakeEverybody(*memory.control);
}

void WakeEverybody(RingControl& control) {
  W::BumpWakeEpoch(control.wake);
  os::FutexWakeAll(&control.wake.epoch);
}

void WakeProducer(internal::SeatsControl& seats) {
  W::BumpRoomEpoch(seats.room_epoch);
  os::FutexWakeAll(&seats.room_epoch.epoch);
}

}  // namespace millrace::segment
