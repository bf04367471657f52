// SPDX-License-Identifier: Apache-2.0
#include "tools/shmctl/text/ring_json.h"

#include <optional>

#include "absl/strings/str_format.h"
#include "tools/shmctl/text/describe.h"
#include "tools/shmctl/text/utf8.h"

namespace millrace::tool {
namespace {

using Json = nlohmann::ordered_json;

Json OrNull(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

template <class T>
Json OrNull(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json ProducerJson(const RingInfo& ring) {
  const ProducerInfo& producer = ring.producer;
  return {{"alive", producer.alive_unknown ? Json(nullptr) : Json(producer.alive)},
          {"pid", OrNull(producer.pid)},
          {"pid_foreign", producer.pid_foreign},
          {"label", OrNull(producer.label)},
          {"stopped", ring.producer_stopped},
          {"epoch", producer.epoch},
          {"epoch_first_sequence", producer.epoch_first_sequence},
          {"closed", producer.closed}};
}

Json SeatJson(const SeatInfo& seat) {
  return {{"seat", seat.seat},
          {"generation", seat.generation},
          {"label", OrNull(seat.label)},
          {"pid", OrNull(seat.pid)},
          {"pid_foreign", seat.pid_foreign},
          {"alive", seat.alive},
          {"evicted", seat.evicted},
          {"stopped", seat.stopped},
          {"holds_back", seat.holds_back},
          {"delivery", seat.delivery},
          {"group", OrNull(seat.group)},
          {"lag_messages", seat.lag_messages},
          {"lag_bytes", seat.lag_bytes},
          {"lag_ns", OrNull(seat.lag_ns)},
          {"received", seat.received},
          {"lost", seat.lost}};
}

Json ConsumersJson(const RingInfo& ring) {
  if (!ring.seats_readable) return nullptr;
  Json consumers = Json::array();
  for (const SeatInfo& seat : ring.consumers) consumers.push_back(SeatJson(seat));
  return consumers;
}

Json GroupsJson(const RingInfo& ring) {
  if (!ring.seats_readable) return nullptr;
  Json groups = Json::array();
  for (const GroupInfo& group : ring.groups) {
    groups.push_back({{"name", group.name},
                      {"durable", group.durable},
                      {"members", group.members},
                      {"in_hand", group.in_hand},
                      {"holds_back", group.holds_back},
                      {"lag_messages", group.lag_messages},
                      {"lag_bytes", group.lag_bytes}});
  }
  return groups;
}

// Removes the values that only a sound header could provide.
void Forget(Json& json) {
  for (const char* name :
       {"capacity_bytes",  "max_message_bytes",  "seats",         "keep",      "created_ns",
        "next_sequence",   "oldest_sequence",    "payload_bytes", "dropped",   "evictions",
        "blocked",         "blocked_ns",         "wakes",         "abandoned", "next_sequence_exact",
        "last_message_ns", "last_message_exact", "waits_for",     "waits_ns",  "awaited_consumers",
        "full_ns",         "held_bytes",         "consumers",     "groups"}) {
    json[name] = nullptr;
  }
  for (const char* name : {"alive", "epoch", "epoch_first_sequence", "closed"})
    json["producer"][name] = nullptr;
}

}  // namespace

Json RingJson(const RingInfo& ring) {
  Json json = {{"name", ring.name},
               {"incarnation", OrNull(ring.incarnation)},
               {"state", ring.state},
               {"damage", OrNull(ring.damage)},
               {"capacity_bytes", ring.capacity},
               {"max_message_bytes", ring.max_message},
               {"seats", ring.seats},
               {"bytes", ring.bytes},
               {"schema", OrNull(ring.schema)},
               {"keep", ring.keep},
               {"created_ns", ring.created_ns},
               {"mode", absl::StrFormat("%04o", ring.mode & 07777)},
               {"seats_mode", absl::StrFormat("%04o", ring.seats_mode)},
               {"uid", ring.uid},
               {"gid", ring.gid},
               {"seats_uid", OrNull(ring.seats_uid)},
               {"lock_uid", OrNull(ring.lock_uid)},
               {"used_ns", ring.used_ns == 0 ? Json(nullptr) : Json(ring.used_ns)},
               {"producer", ProducerJson(ring)},
               {"next_sequence", ring.next_sequence},
               {"next_sequence_exact", ring.next_sequence_exact},
               {"oldest_sequence", ring.oldest_sequence},
               {"last_message_ns", OrNull(ring.last_message_ns)},
               {"last_message_exact", ring.last_message_exact},
               {"payload_bytes", ring.payload_bytes},
               {"dropped", ring.dropped},
               {"evictions", ring.evictions},
               {"blocked", ring.blocked},
               {"blocked_ns", ring.blocked_time.count()},
               {"waits_for", OrNull(ring.waits_for)},
               {"waits_ns", OrNull(ring.waits_ns)},
               {"awaited_consumers", ring.awaited_consumers},
               {"full_ns", OrNull(ring.full_ns)},
               {"held_bytes", OrNull(ring.held_bytes)},
               {"wakes", ring.wakes},
               {"abandoned", ring.abandoned},
               {"consumers", ConsumersJson(ring)},
               {"groups", GroupsJson(ring)},
               {"stale", ring.stale},
               {"why", OrNull(ring.stale_why)}};
  if (!IsDescribed(ring)) Forget(json);
  return json;
}

std::string JsonText(const Json& json) {
  return JsonForTerminals(json.dump(2, ' ', false, Json::error_handler_t::replace)) + '\n';
}

}  // namespace millrace::tool
