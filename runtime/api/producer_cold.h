// SPDX-License-Identifier: Apache-2.0
// The compiled half of a producer: waits for room, wakes, empties the seats of dead holders, leaves the ring.
#ifndef MILLRACE_RUNTIME_API_PRODUCER_COLD_H_
#define MILLRACE_RUNTIME_API_PRODUCER_COLD_H_

#include <cstdint>
#include <vector>

#include "millrace/internal/parking.h"
#include "millrace/internal/producer_hot.h"
#include "millrace/options.h"
#include "runtime/api/held_back.h"
#include "runtime/os/fork.h"
#include "runtime/segment/producer_attachment.h"

namespace millrace::internal {

struct ProducerCold final : os::ForkAware {
  ProducerCold(segment::ProducerAttachment attachment, ProducerOptions producer_options)
      : attached(std::move(attachment)), options(std::move(producer_options)) {
    if (options.on_full != OnFull::kEvictSlowest) return;
    seats_held_back.resize(attached.seats_header.seats);
    members_held_back.resize(attached.seats_header.seats);
  }
  void InForkedChild() noexcept override;

  // Returns why nothing can be published now, even if there is room. Returns kOk if nothing is in the way.
  Sent Refusal(const ProducerHot& hot);
  // Returns true if the ring or its seats have lost their names.
  bool Removed();
  // Empties the seats of dead holders that leave no room, and retires groups without members. Returns true if
  // the caller should scan again.
  bool EmptyDeadSeats(ProducerHot& hot);
  // A group that holds the producer back, and the lowest position at which it does.
  struct GroupInTheWay {
    GroupPlace place;
    uint64_t position;
  };
  bool RetireDeadGroup(const GroupInTheWay& group, int64_t now);
  // Returns how much of the time between two looks counts against a blocker at most.
  int64_t MostBetweenLooks() const;
  // OnFull::kEvictSlowest: evicts each consumer that has left no room for evict_after, counted over one or
  // several waiting calls. Returns true if the caller should scan again.
  bool EvictSlowest(ProducerHot& hot, int64_t now);
  void FlushCounters(const ProducerHot& hot);
  // Notes, for operators, what this producer cannot do now. The start time stays while it is short of room.
  void NoteActivity(const ProducerHot& hot, Activity kind);
  // Notes, for operators and while this object lives, that the producer waits for `consumers` consumers. If a
  // caller waits in slices and publishes nothing in between, the wait counts from its first slice.
  class AwaitsConsumers {
   public:
    AwaitsConsumers(ProducerCold& cold, const ProducerHot& hot, size_t consumers);
    ~AwaitsConsumers();
    AwaitsConsumers(const AwaitsConsumers&) = delete;

   private:
    CounterWords& counters_;
    const uint32_t epoch_;
  };
  // Wakes sleeping consumers. Returns true if there were any.
  bool WakeSleepers(ProducerHot& hot);
  // Polls for room for at most budget_ns. Returns true if *data is room, or *why says why there is none.
  bool SpinForRoom(ProducerHot& hot, int64_t budget_ns, size_t n, std::byte** data, Sent* why);

  segment::ProducerAttachment attached;
  ProducerOptions options;
  ProducerHot* hot = nullptr;  // null until that half is complete
  bool forked = false, closed = false, removed = false;
  SpinBudget spin;
  int64_t last_probe_ns = 0;
  int64_t last_word_check_ns = 0;
  // OnFull::kEvictSlowest, by seat. First: how long the seat's own position or lease was in the way. Second:
  // how long its group was, whose message this member could have taken.
  std::vector<HeldBack> seats_held_back, members_held_back;
  // Groups without a living member whose dead members hold leases.
  HeldBack groups_held_back[kGroups];
  int64_t last_link_check_ns = 0;
  Activity activity = Activity::kNone;   // as noted, except for waits for consumers
  uint64_t awaited = 0, awaited_at = 0;  // the number of consumers and the sequence; see AwaitsConsumers
  int64_t awaited_since_ns = 0;
  uint64_t dropped = 0, blocked = 0, wakes = 0, abandoned = 0;  // by this handle
  int64_t blocked_ns = 0;
  uint64_t base_bytes = 0, base_dropped = 0, base_blocked = 0, base_blocked_ns = 0, base_wakes = 0,
           base_abandoned = 0;  // by predecessors
  const os::ForkRegistration registration{this};
};

}  // namespace millrace::internal

#endif  // MILLRACE_RUNTIME_API_PRODUCER_COLD_H_
