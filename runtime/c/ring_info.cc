// SPDX-License-Identifier: Apache-2.0
#include "runtime/c/ring_info.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

namespace millrace::c {
namespace {

uint64_t NumberOr(const std::optional<uint64_t>& number) { return number.value_or(MILLRACE_UNKNOWN); }
uint32_t IdOr(const std::optional<uid_t>& id) { return id.value_or(MILLRACE_NO_ID); }

millrace_seat_info InfoOf(const SeatInfo& seat) {
  millrace_seat_info info{};
  info.size = sizeof info;
  info.seat = seat.seat;
  info.generation = seat.generation;
  info.label = seat.label.c_str();
  info.delivery = seat.delivery.c_str();
  info.group = seat.group.c_str();
  info.received = seat.received;
  info.lost = seat.lost;
  info.lag_messages = seat.lag_messages;
  info.lag_bytes = seat.lag_bytes;
  info.lag_ns = NumberOr(seat.lag_ns);
  info.pid = seat.pid.value_or(0);
  info.pid_foreign = seat.pid_foreign;
  info.alive = seat.alive;
  info.evicted = seat.evicted;
  info.stopped = seat.stopped;
  info.holds_back = seat.holds_back;
  return info;
}

millrace_group_info InfoOf(const GroupInfo& group) {
  millrace_group_info info{};
  info.size = sizeof info;
  info.name = group.name.c_str();
  info.lag_messages = group.lag_messages;
  info.lag_bytes = group.lag_bytes;
  info.members = group.members;
  info.in_hand = group.in_hand;
  info.durable = group.durable;
  info.holds_back = group.holds_back;
  return info;
}

millrace_stale InfoOf(const Stale& stale) {
  millrace_stale info{};
  info.size = sizeof info;
  info.name = stale.name.c_str();
  info.incarnation = stale.incarnation.c_str();
  info.why = stale.why.c_str();
  info.bytes = stale.bytes;
  info.idle_for_ns = stale.idle_for.count();
  info.used_ns = stale.used_ns;
  info.next_sequence = stale.next_sequence;
  info.owner = stale.owner;
  return info;
}

// Converts the elements, then collects their addresses.
template <class Facts, class Info>
void Convert(const std::vector<Facts>& facts, std::vector<Info>* infos, std::vector<const Info*>* pointers) {
  for (const Facts& fact : facts) infos->push_back(InfoOf(fact));
  for (const Info& info : *infos) pointers->push_back(&info);
}

}  // namespace

millrace_producer_info InfoOf(const ProducerInfo& producer) {
  millrace_producer_info info{};
  info.size = sizeof info;
  info.epoch = producer.epoch;
  info.epoch_first_sequence = producer.epoch_first_sequence;
  info.pid = producer.pid.value_or(0);
  info.pid_foreign = producer.pid_foreign;
  info.alive = producer.alive;
  info.alive_unknown = producer.alive_unknown;
  info.closed = producer.closed;
  std::memcpy(info.label, producer.label.data(), std::min(producer.label.size(), sizeof info.label - 1));
  return info;
}

OwnedRing::OwnedRing(RingInfo&& ring)
    : millrace_ring_info{}, facts_(std::move(ring)), producer_(InfoOf(facts_.producer)) {
  Convert(facts_.consumers, &seats_, &seat_pointers_);
  Convert(facts_.groups, &groups_, &group_pointers_);
  size = sizeof(millrace_ring_info);
  name = facts_.name.c_str();
  incarnation = facts_.incarnation.c_str();
  schema = facts_.schema.c_str();
  damage = facts_.damage.c_str();
  state = facts_.state.c_str();
  stale_why = facts_.stale_why.c_str();
  waits_for = facts_.waits_for.c_str();
  capacity = facts_.capacity;
  max_message = facts_.max_message;
  bytes = facts_.bytes;
  next_sequence = facts_.next_sequence;
  oldest_sequence = facts_.oldest_sequence;
  dropped = facts_.dropped;
  blocked = facts_.blocked;
  wakes = facts_.wakes;
  payload_bytes = facts_.payload_bytes;
  evictions = facts_.evictions;
  abandoned = facts_.abandoned;
  blocked_ns = facts_.blocked_time.count();
  created_ns = facts_.created_ns;
  used_ns = facts_.used_ns;
  waits_ns = NumberOr(facts_.waits_ns);
  full_ns = NumberOr(facts_.full_ns);
  held_bytes = NumberOr(facts_.held_bytes);
  last_message_ns = NumberOr(facts_.last_message_ns);
  producer = &producer_;
  consumers = seat_pointers_.data();
  consumer_count = seat_pointers_.size();
  groups = group_pointers_.data();
  group_count = group_pointers_.size();
  awaited_consumers = facts_.awaited_consumers;
  seats = facts_.seats;
  mode = facts_.mode;
  seats_mode = facts_.seats_mode;
  uid = facts_.uid;
  gid = facts_.gid;
  seats_uid = IdOr(facts_.seats_uid);
  lock_uid = IdOr(facts_.lock_uid);
  next_sequence_exact = facts_.next_sequence_exact;
  last_message_exact = facts_.last_message_exact;
  producer_stopped = facts_.producer_stopped;
  keep = facts_.keep;
  stale = facts_.stale;
  seats_readable = facts_.seats_readable;
}

OwnedRings::OwnedRings(std::vector<RingInfo>&& found) : millrace_ring_list{} {
  for (RingInfo& ring : found) {
    rings_.push_back(std::make_unique<OwnedRing>(std::move(ring)));
    pointers_.push_back(rings_.back().get());
  }
  size = sizeof(millrace_ring_list);
  rings = pointers_.data();
  count = pointers_.size();
}

OwnedStale::OwnedStale(std::vector<Stale>&& found) : millrace_stale_list{}, facts_(std::move(found)) {
  Convert(facts_, &stale_, &pointers_);
  size = sizeof(millrace_stale_list);
  rings = pointers_.data();
  count = pointers_.size();
}

}  // namespace millrace::c
