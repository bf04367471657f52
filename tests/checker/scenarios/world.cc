// SPDX-License-Identifier: Apache-2.0
#include "tests/checker/scenarios/world.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

namespace millrace::checker {

using namespace internal;  // NOLINT: the checker is about nothing else

World* world = nullptr;

World::World() : bytes_(std::make_unique<Bytes>()) {}

void World::Build(const Shape& shape) {
  shape_ = shape;
  std::memset(static_cast<void*>(bytes_.get()), 0, sizeof(Bytes));
  RingControl& c = bytes_->control;
  c.room.intent = c.room.reserved = shape.start.position;
  c.room.state = MakeState(1, /*open=*/true);
  c.room.flags = uint64_t{1} << 32 | (shape.asym ? kFlagAsym : 0);
  c.room.epoch_first_sequence = shape.start.sequence;
  c.tail = {shape.start.position, shape.start.sequence};
  for (Mark& mark : c.marks) mark.position = ~uint64_t{0};
  c.marks[shape.start.position / (shape.capacity / kMarks) % kMarks] = {shape.start.position,
                                                                        shape.start.sequence, 0, 0};
  for (Seat& seat : bytes_->seats) seat.words.lease = kNoLease;
  first_end_ = shape.start.position;
  Prepublish();
}

// Builds what was published, taken and left in hand before the scenario begins.
void World::Prepublish() {
  uint64_t& end = first_end_;
  uint64_t after_first = end;
  for (uint32_t i = 0; i < shape_.published; ++i) {
    const uint64_t sequence = shape_.start.sequence + i;
    const uint32_t bytes = SizeOf(sequence, 1);
    std::byte* const at = bytes_->data + (end & (shape_.capacity - 1));
    const uint64_t header = MakeFrameHeader(sequence, bytes);
    std::memcpy(at, &header, sizeof header);
    for (size_t w = 0; w * 8 < bytes; ++w) {
      const uint64_t word = WordAt(sequence, 1, w);
      std::memcpy(at + kFrameHeader + 8 * w, &word, sizeof word);
    }
    end += FrameBytes(bytes);
    if (i == 0) after_first = end;
  }
  const uint64_t chunk = shape_.capacity / kMarks;
  RingControl& c = bytes_->control;
  c.tail = {end, shape_.start.sequence + shape_.published};
  if (shape_.published != 0) {
    c.room.reserved = c.room.intent = (end + kFrameHeader + chunk - 1) / chunk * chunk;
  }
  for (uint32_t g = 0; g < shape_.groups; ++g) {
    GroupWords& group = bytes_->seats_control.groups[g];
    group.cursor = g == 0 && shape_.orphan != Shape::Orphan::kNone ? after_first : shape_.start.position;
    group.flags = kGroupUsed;
  }
  if (shape_.orphan == Shape::Orphan::kNone) return;
  const bool owned = shape_.orphan == Shape::Orphan::kDead || shape_.orphan == Shape::Orphan::kEvicted;
  const SeatPhase phase = shape_.orphan == Shape::Orphan::kDead ? SeatPhase::kLive : SeatPhase::kEvicted;
  Seat& seat = bytes_->seats[shape_.orphan_seat];
  if (shape_.orphan != Shape::Orphan::kLate)
    seat.words.lease = shape_.start.position | (owned ? 0 : kLeaseTentative);
  seat.words.deliveries = owned ? MakeDeliveries(shape_.start.position, 1) : 0;
  seat.identity.state = MakeSeatState(1, phase, kDeliveryGroup);
  seat.identity.group = 1;
  bytes_->seats_control.join.seats_used = shape_.orphan_seat + 1;
}

void World::Reset() {
  messages_.clear();
  to_come_.clear();
  end_ = boundary_ = shape_.start.position;
  reserved_ = bytes_->control.room.reserved;
  producer_ = epoch_ = 1;
  on_request_ = 0;
  closed_ = false;
  std::fill(std::begin(results_), std::end(results_), 0);
  for (uint32_t i = 0; i < kSeats; ++i) {
    positions_[i].clear();
    judged_[i] = 0;
  }
  for (uint32_t i = 0; i < shape_.published; ++i) {
    const uint32_t bytes = SizeOf(shape_.start.sequence + i, 1);
    messages_.push_back({end_, end_, 1, bytes});
    boundary_ = end_ += FrameBytes(bytes);
  }
  groups.Reset();
  for (uint32_t g = 0; g < shape_.groups; ++g)
    groups.BeginsWith(g, shape_.start.position, bytes_->seats_control.groups[g].cursor);
  if (shape_.orphan != Shape::Orphan::kNone) {
    const uint32_t seat = shape_.orphan_seat;
    const Seat& orphan = bytes_->seats[seat];
    groups.BeginsHeld(seat, orphan.words.lease, PhaseOf(orphan.identity.state));
    positions_[seat].push_back(shape_.start.position);
  }
}

uint64_t World::Hash() const {
  uint64_t h = end_ ^ uint64_t { on_request_ } << 56 ^ uint64_t { closed_ } << 55;
  for (const uint64_t part : {boundary_, reserved_, uint64_t{producer_}, uint64_t{epoch_}})
    h = MixBits(h ^ part);
  for (const Published& m : messages_) {
    for (const uint64_t part : {m.position, m.before, uint64_t{m.producer} << 32 | m.bytes})
      h = MixBits(h ^ part);
  }
  for (const uint64_t header : to_come_) h = MixBits(h ^ header);
  for (const uint64_t result : results_) h = MixBits(h ^ result);
  for (uint32_t i = 0; i < kSeats; ++i) {
    for (const uint64_t position : positions_[i]) h = MixBits(h ^ position);
    h = MixBits(h ^ judged_[i]);
  }
  if (shape_.grouped()) h ^= groups.Hash();
  return h;
}

const uint32_t* World::WordOf(Site site) const {
  if (site == Site::P6) return &bytes_->seats_control.sleeper.sleepers;
  return site == Site::F3 ? &bytes_->seats_control.room_epoch.epoch : &bytes_->control.wake.epoch;
}

uint32_t World::SizeOf(uint64_t sequence, uint32_t producer) const {
  const uint64_t i = sequence - shape_.start.sequence;
  const uint32_t size = shape_.sizes[i % shape_.sizes.size()];
  return producer == 1 ? size : size ^ 8;
}

uint64_t World::WordAt(uint64_t sequence, uint32_t producer, size_t i) {
  return MixBits(sequence * 64 + i) ^ MixBits(producer);
}

const Published* World::Find(uint64_t sequence) const {
  const uint64_t i = sequence - shape_.start.sequence;
  return i < messages_.size() ? &messages_[i] : nullptr;
}

void World::Judge(uint64_t sequence, const uint64_t* words, uint64_t bytes) const {
  const Published* const message = Find(sequence);
  if (message == nullptr)
    machine->Violate("received message " + std::to_string(sequence) + ", which was never published");
  if (bytes != message->bytes) {
    machine->Violate("message " + std::to_string(sequence) + " has " + std::to_string(bytes) +
                     " bytes, published with " + std::to_string(message->bytes));
  }
  for (size_t i = 0; i * 8 < bytes; ++i) {
    if (words[i] != WordAt(sequence, message->producer, i)) {
      machine->Violate("TORN: message " + std::to_string(sequence) + ", word " + std::to_string(i));
    }
  }
}

void World::JudgeBoundary(Point point, const char* what) const {
  bool right = false;
  if (point.sequence == published()) {
    right = point.position == end_ || point.position == boundary_;
  } else if (const Published* const m = Find(point.sequence)) {
    right = point.position == m->position || point.position == m->before;
  }
  if (right) return;
  machine->Violate(std::string(what) + " is no frame boundary: position " + std::to_string(point.position) +
                   ", sequence " + std::to_string(point.sequence));
}

bool World::IsBoundary(uint64_t position) const {
  if (IsEnd(position)) return true;
  return std::any_of(messages_.begin(), messages_.end(),
                     [&](const Published& m) { return position == m.position || position == m.before; });
}

uint64_t World::IndexAt(uint64_t position) const {
  for (size_t i = 0; i < messages_.size(); ++i) {
    if (messages_[i].position == position) return i;
  }
  return kNoIndex;
}

uint32_t World::GroupAt(const void* word) const {
  const ptrdiff_t offset =
      static_cast<const std::byte*>(word) - reinterpret_cast<const std::byte*>(bytes_->seats_control.groups);
  const bool inside = offset >= 0 && static_cast<size_t>(offset) < kGroupsUsed * sizeof(GroupWords);
  return inside ? static_cast<uint32_t>(static_cast<size_t>(offset) / sizeof(GroupWords)) : kGroupsUsed;
}

uint32_t World::SeatAt(const void* word) const {
  const ptrdiff_t offset = static_cast<const std::byte*>(word) - reinterpret_cast<std::byte*>(bytes_->seats);
  return offset < 0 ? kSeats : static_cast<uint32_t>(static_cast<size_t>(offset) / sizeof(Seat));
}

void World::Concludes(uint64_t result) {
  uint64_t& all = results_[machine->self()];
  all = MixBits(all ^ result);
}

void World::Judged(const void* seat_position, uint64_t value) {
  if (const uint32_t i = SeatAt(seat_position); i < kSeats) judged_[i] = value;
}

void World::Evicted(uint32_t i) {
  if (i >= kSeats || shape_.meddled || (on_request_ >> machine->self() & 1) != 0) return;
  const std::vector<uint64_t>& held = positions_[i];
  machine->Expect(std::find(held.begin(), held.end(), judged_[i]) != held.end(),
                  "evicts a holder of the seat that was never at the position for which it is evicted");
}

void World::Stored(const void* address, uint64_t value, Site site) {
  const uint32_t seat = SeatAt(address);
  if (seat < kSeats) StoredInSeat(seat, value, site);
  if (const uint32_t g = GroupAt(address); g < kGroupsUsed) {
    if (site == Site::G11) groups.CursorStored(g, value);
    if (site == Site::G12) groups.FlagsStored(g, static_cast<uint32_t>(value));
  }
  if (site == Site::R6) {
    machine->Expect(Ahead(value, reserved_) >= 0, "R goes back");
    reserved_ = value;
    groups.Reserved(value);
  }
  if (site == Site::S1) closed_ = !IsOpen(value);
  if (site == Site::S1 && IsOpen(value)) {
    machine->Expect(EpochOf(value) == epoch_ + 1, "a take-over is not a new epoch");
    ++epoch_;
  }
  if (site != Site::P2 || shape_.hostile) return;
  machine->Expect(address == bytes_->data + (end_ & (shape_.capacity - 1)),
                  "publishes a frame that is not at the end");
  Reveal(value, /*with_last=*/false);
  for (const uint64_t header : to_come_) Reveal(header, /*with_last=*/true);
  to_come_.clear();
}

void World::StoredInSeat(uint32_t seat, uint64_t value, Site site) {
  const auto stands_at = [&](uint64_t position) {
    if (positions_[seat].empty() || positions_[seat].back() != position) positions_[seat].push_back(position);
  };
  switch (site) {
    case Site::J1:
    case Site::C6:
      stands_at(value);
      break;
    case Site::J2: {  // a new holder: forget positions before its first, except its lease's
      positions_[seat].erase(positions_[seat].begin(), positions_[seat].end() - 1);
      const uint64_t lease = machine->Newest(&bytes_->seats[seat].words.lease, 8);
      if (lease != kNoLease) stands_at(LeasePosition(lease));
      groups.StateChanged(seat, value);
      break;
    }
    case Site::J8:
      groups.StateChanged(seat, value);
      break;
    case Site::G2:
      if (value != kNoLease) stands_at(LeasePosition(value));
      groups.LeaseStored(seat, value);
      break;
    case Site::G3:
      groups.EndStored(seat, value);
      break;
    default:
      break;
  }
}

void World::Exchanged(const void* address, uint64_t from, uint64_t to, Site site) {
  const uint32_t seat = SeatAt(address);
  switch (site) {
    case Site::E1:
      Evicted(seat);
      groups.StateChanged(seat, to);
      break;
    case Site::J6:
      groups.StateChanged(seat, to);
      break;
    case Site::G5:
      if (to != kNoLease) positions_[seat].push_back(LeasePosition(to));
      groups.LeaseChanged(seat, from, to);
      break;
    case Site::G4:
      groups.CursorMoved(GroupAt(address), from, to);
      break;
    case Site::G14:
      groups.Retired(GroupAt(address));
      break;
    default:
      break;
  }
}

void World::Reveal(uint64_t header, bool with_last) {
  const uint64_t bytes = FrameBytes(header & kFrameLengthMask);
  machine->Expect(static_cast<uint32_t>(header >> 32) == static_cast<uint32_t>(published()),
                  "publishes a sequence twice or leaves one out");
  machine->Expect((end_ & (shape_.capacity - 1)) + bytes <= shape_.capacity,
                  "a frame crosses the end of the ring");
  machine->Expect(Ahead(reserved_, end_ + bytes + kFrameHeader) >= 0, "writes bytes that R does not cover");
  if ((header & kFramePadding) == 0) {
    messages_.push_back(
        {end_, boundary_, producer_, static_cast<uint32_t>(header & kFrameLengthMask), with_last});
    boundary_ = end_ + bytes;
  }
  end_ += bytes;
}

void World::JudgeEmpty(uint64_t sequence) const {
  const Published* const next = Find(sequence);
  machine->Expect(next == nullptr || !next->with_last || sequence == shape_.start.sequence,
                  "a part of a batch is there, the rest is not");
}

std::string World::NameOf(const void* address) const {
  const auto* const at = static_cast<const std::byte*>(address);
  char text[64];
  const auto offset_in = [at](const void* part, size_t bytes) -> ptrdiff_t {
    const ptrdiff_t d = at - static_cast<const std::byte*>(part);
    return d >= 0 && static_cast<size_t>(d) < bytes ? d : -1;
  };
  if (const ptrdiff_t d = offset_in(bytes_->data, kMostCapacity); d >= 0) {
    std::snprintf(text, sizeof text, "data[%td]", d);
    return text;
  }
  const RingControl& c = bytes_->control;
  const SeatsControl& s = bytes_->seats_control;
  const struct {
    const void* word;
    const char* name;
  } kNames[] = {{&c.room.intent, "intent"},
                {&c.room.reserved, "reserved"},
                {&c.room.state, "state"},
                {&c.room.flags, "flags"},
                {&c.room.removed, "removed"},
                {&c.tail.position, "tail.position"},
                {&c.tail.sequence, "tail.sequence"},
                {&c.wake.epoch, "wake.epoch"},
                {&s.sleeper.sleepers, "sleepers"},
                {&s.room_waiting.waiting, "room_waiting"},
                {&s.room_epoch.epoch, "room_epoch"},
                {&s.join.seats_used, "seats_used"},
                {&s.join.joins, "joins"}};
  for (const auto& n : kNames) {
    if (n.word == address) return n.name;
  }
  if (const ptrdiff_t d = offset_in(c.marks, sizeof c.marks); d >= 0) {
    const char* const kFields[] = {"position", "sequence", "time", "unused"};
    std::snprintf(text, sizeof text, "mark[%td].%s", d / 32, kFields[d % 32 / 8]);
    return text;
  }
  if (const ptrdiff_t d = offset_in(s.groups, sizeof s.groups); d >= 0) {
    const ptrdiff_t in_group = d % static_cast<ptrdiff_t>(sizeof(GroupWords));
    const char* field = "word";
    if (in_group == offsetof(GroupWords, cursor)) field = "cursor";
    if (in_group == offsetof(GroupWords, flags)) field = "flags";
    if (in_group == offsetof(GroupWords, moves)) field = "moves";
    if (in_group == offsetof(GroupWords, generation)) field = "generation";
    std::snprintf(text, sizeof text, "group[%td].%s", d / static_cast<ptrdiff_t>(sizeof(GroupWords)), field);
    return text;
  }
  if (const ptrdiff_t d = offset_in(bytes_->seats, sizeof bytes_->seats); d >= 0) {
    const ptrdiff_t in_seat = d % static_cast<ptrdiff_t>(sizeof(Seat));
    const char* field = "word";
    if (in_seat == 0) field = "position";
    if (in_seat == offsetof(Seat, words.lease)) field = "lease";
    if (in_seat == offsetof(Seat, words.lease_end)) field = "lease_end";
    if (in_seat == offsetof(Seat, words.deliveries)) field = "deliveries";
    if (in_seat == offsetof(Seat, identity.group)) field = "group";
    if (in_seat == offsetof(Seat, identity.group_generation)) field = "group_generation";
    if (in_seat == offsetof(Seat, identity.state)) field = "state";
    if (in_seat == offsetof(Seat, identity.evicted_sequence)) field = "evicted_sequence";
    std::snprintf(text, sizeof text, "seat[%td].%s", d / static_cast<ptrdiff_t>(sizeof(Seat)), field);
    return text;
  }
  std::snprintf(text, sizeof text, "offset %td", at - reinterpret_cast<const std::byte*>(bytes_.get()));
  return text;
}

}  // namespace millrace::checker
