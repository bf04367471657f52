// The compiled half of a producer: waiting for room, waking, emptying the seats of the dead, leaving.
#ifndef MILLRACE_RUNTIME_API_PRODUCER_CORE_H_
#define MILLRACE_RUNTIME_API_PRODUCER_CORE_H_

#include <cstdint>
#include <vector>

#include "millrace/internal/parking.h"
#include "millrace/internal/producer_core.h"
#include "millrace/options.h"
#include "runtime/api/held_back.h"
#include "runtime/os/fork.h"
#include "runtime/segment/attach_producer.h"

namespace millrace::internal {

struct ProducerCore::Cold final : os::ForkAware {
  Cold(segment::ProducerAttachment attachment, ProducerOptions producer_options)
      : attached(std::move(attachment)), options(std::move(producer_options)) {
    if (options.on_full != OnFull::kEvictSlowest) return;
    seats_held_back.resize(attached.seats_header.seats);
    members_held_back.resize(attached.seats_header.seats);
  }
  void InForkedChild() noexcept override;

  // Why nothing can be published now, whatever room there is; kOk: nothing is in the way.
  Sent Refusal(const ProducerCore& core);
  // The ring or its seats have lost their names.
  bool Removed();
  // Empties the seats of dead holders that leave no room, and retires groups without members. true: scan
  // again.
  bool EmptyDeadSeats(ProducerCore& core);
  // The lowest place at which a group is in the way.
  struct GroupInTheWay {
    GroupPlace place;
    uint64_t position;
  };
  bool RetireDeadGroup(const ProducerCore& core, const GroupInTheWay& group, int64_t now);
  // Of two looks: more than that between them counts for nobody.
  int64_t MostBetweenLooks() const;
  // OnFull::kEvictSlowest: evicts each that has left no room for evict_after, over one or several waiting calls.
  // true: scan again.
  bool EvictSlowest(ProducerCore& core, int64_t now);
  void FlushCounters(const ProducerCore& core);
  // Notes for people what this producer cannot do now; the time since when stays while it is short of room.
  void NoteActivity(const ProducerCore& core, Activity kind);
  // Notes for people, while it lives, that this producer waits for so many consumers. A caller that waits in
  // slices waits since its first, if it published nothing in between.
  class AwaitsConsumers {
   public:
    AwaitsConsumers(Cold& cold, const ProducerCore& core, size_t consumers);
    ~AwaitsConsumers();
    AwaitsConsumers(const AwaitsConsumers&) = delete;

   private:
    CounterWords& counters_;
    const uint32_t epoch_;
  };
  // true: somebody was asleep, and was woken.
  bool WakeSleepers(ProducerCore& core);
  // Polls for room for at most budget_ns. true: *data, or *why there is none.
  bool SpinForRoom(ProducerCore& core, int64_t budget_ns, size_t n, std::byte** data, Sent* why);

  segment::ProducerAttachment attached;
  ProducerOptions options;
  ProducerCore* core = nullptr;
  bool forked = false, closed = false, removed = false;
  SpinBudget spin;
  int64_t last_probe_ns = 0;
  int64_t last_word_check_ns = 0;
  // OnFull::kEvictSlowest, by seat: its own position or claim; the place of its group, for which it could come.
  std::vector<api::HeldBack> seats_held_back, members_held_back;
  api::HeldBack groups_held_back[kGroups];  // without a living member, with their messages in hand
  int64_t last_link_check_ns = 0;
  Activity activity = Activity::kNone;   // as noted, but for waits for consumers
  uint64_t awaited = 0, awaited_at = 0;  // consumers, at this sequence; see AwaitsConsumers
  int64_t awaited_since_ns = 0;
  uint64_t dropped = 0, blocked = 0, wakes = 0, abandoned = 0;  // by this handle
  int64_t blocked_ns = 0;
  uint64_t base_bytes = 0, base_dropped = 0, base_blocked = 0, base_blocked_ns = 0, base_wakes = 0,
           base_abandoned = 0;  // predecessors'
};

}  // namespace millrace::internal

#endif  // MILLRACE_RUNTIME_API_PRODUCER_CORE_H_
