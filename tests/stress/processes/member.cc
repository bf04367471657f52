// SPDX-License-Identifier: Apache-2.0
// A member of a group: takes messages, checks them, records which it was given, and acknowledges them in
// every way there is. Sometimes it reads through a Merge, together with an observer of the ring.
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/stress/processes/life.h"
#include "tests/stress/processes/process.h"

namespace millrace::stress {
namespace {

using std::chrono::microseconds;

class MemberLife : ReaderLife {
 public:
  MemberLife(const Settings& settings, Ledger& ledger, int number, uint64_t life)
      : ReaderLife(settings, ledger, absl::StrCat(NameOf(GroupOf(number)), " member ", number),
                   100 + static_cast<uint64_t>(number), life),
        group_(GroupOf(number)),
        sheet_(ledger.groups[static_cast<int>(group_)]),
        finished_(ledger.members_finished[number]),
        number_(number) {}

  int Run() {
    return RunHandles(finished_, /*replaceable=*/true, [this] { return OneHandle(); });
  }

 private:
  bool OneHandle() {
    ConsumerOptions options;
    options.label = absl::StrCat("stress ", NameOf(group_), " ", number_);
    options.start = Start::End();  // a group that was retired and is created again repeats nothing
    options.wait = random_.OneIn(3) ? Wait::kPark : Wait::kAdaptive;
    options.copy = random_.OneIn(3);
    options.messages_per_lease = random_.OneIn(2) ? 1 : static_cast<uint32_t>(random_.Between(1, 64));
    in_place_ = !options.copy;
    absl::StatusOr<Consumer> opened = Consumer::Open(settings_.ring, DeliveryOf(group_), options);
    // "The producer overtook every attempt to join; try again", or a stopped process holds the group's lock.
    if (ErrorOf(opened.status()) == Error::kEvicted || ErrorOf(opened.status()) == Error::kTimedOut)
      return true;
    if (!opened.ok()) return Bad("opening: ", opened.status().ToString());
    consumer_.emplace(*std::move(opened));
    if (random_.OneIn(3) && !MergeWithAnObserver()) return false;
    sheet_.handles += 1;
    Then then = Then::kGoOn;
    for (uint64_t turns = random_.Between(10, 20'000); turns > 0 && then == Then::kGoOn; --turns)
      then = Turn();
    const uint64_t late = Me().stats().late_wakeups;
    if (late != 0) sheet_.late_wakeups.store(late);
    merge_.reset();
    consumer_.reset();
    return then != Then::kStop;
  }

  bool MergeWithAnObserver() {
    absl::StatusOr<Consumer> observer = Consumer::Open(settings_.ring, Delivery::Observer());
    if (!observer.ok()) return Bad("observing: ", observer.status().ToString());
    merge_.emplace();
    const absl::StatusOr<uint32_t> mine = merge_->Add(*std::move(consumer_));
    const absl::StatusOr<uint32_t> other = merge_->Add(*std::move(observer));
    if (!mine.ok() || !other.ok())
      return Bad("merging: ", mine.status().ToString(), other.status().ToString());
    source_ = *mine;
    return true;
  }
  Consumer& Me() { return merge_ ? *merge_->consumer(source_) : *consumer_; }

  // Makes one call of the merge. `why` is about this member's ring: kMessage while it continues.
  Then ReadMerged(bool waits, Got* why) {
    const Merged got = waits ? merge_->Next(microseconds(random_.Between(10, 20'000))) : merge_->TryNext();
    if (!got.source()) *why = got.why();
    if (got.source() == source_) {
      if (got) return Take(*got);
      *why = got.why();
    } else if (got && !messages_.Check(got->sequence, got->payload)) {
      return Stop("message ", got->sequence, " is torn for an observer in a merge");
    }
    return Then::kGoOn;
  }

  Then Turn() {
    discarding_ = false;
    const bool over = ledger_.ended.load(std::memory_order_acquire);  // before the look at what is there
    Then then = Then::kGoOn;
    Got why = Got::kMessage;
    if (merge_) {
      const bool waits = random_.OneIn(2);
      for (uint64_t i = random_.Between(1, 500); i > 0 && why == Got::kMessage && then == Then::kGoOn; --i) {
        then = ReadMerged(waits, &why);
        if (random_.OneIn(8)) merge_->Ack();
      }
    } else if (random_.OneIn(3)) {
      why = consumer_
                ->Poll([&](const Message& m) { return (then = Take(m)) == Then::kGoOn; },
                       random_.Between(1, 500))
                .why;
    } else {
      const bool waits = random_.OneIn(2);
      for (uint64_t i = random_.Between(1, 500); i > 0 && why == Got::kMessage && then == Then::kGoOn; --i) {
        const Received got =
            waits ? consumer_->Next(microseconds(random_.Between(10, 20'000))) : consumer_->TryNext();
        why = got.why();
        if (got) then = Take(*got);
        if (got && random_.OneIn(8)) consumer_->Ack();
      }
    }
    if (then == Then::kGoOn && why != Got::kMessage) then = Without(why, over);
    if (then == Then::kGoOn && !ledger_.ending.load() && random_.OneIn(300))
      Pause(random_.Between(100, 60'000));
    return then;
  }

  Then Take(const Message& message) {
    const bool first = message.deliveries == 1;
    if (message.lost != 0) return Stop(message.lost, " lost before sequence ", message.sequence);
    if (message.deliveries == 0) return Stop("sequence ", message.sequence, " was never delivered, it says");
    if (!Whole(message)) return discarding_ ? Then::kLeave : Then::kStop;
    if (random_.OneIn(2000) && !ledger_.ending.load()) {  // works on it for a long time
      Pause(random_.Between(100, 60'000));
      if (!Whole(message)) return discarding_ ? Then::kLeave : Then::kStop;
    }
    sheet_.received += 1;
    if (!first) sheet_.again += 1;
    if (settings_.plant == Plant::kForgotten && message.sequence % 5000 == 4999) return Then::kGoOn;
    if (!ledger_.given.Note(message.sequence, group_, first))
      return Stop("sequence ", message.sequence, " for the first time, a second time");
    return Then::kGoOn;
  }

  bool Whole(const Message& message) {
    if (messages_.Check(message.sequence, message.payload)) return true;
    discarding_ = in_place_ && !Me().StillIntact();
    if (!discarding_)
      return Bad("message ", message.sequence, " of ", message.payload.size(), " bytes is torn");
    sheet_.discarded += 1;
    return false;
  }

  Then Without(Got why, bool over) {
    switch (why) {
      case Got::kEvicted:
        sheet_.evicted += 1;
        return settings_.evictions ? Then::kLeave : Stop(Me().status().ToString());
      case Got::kEmpty:
      case Got::kTimedOut:
        return Then::kGoOn;
      case Got::kClosed:
        if (over) finished_.store(true);
        if (over || merge_) return Then::kLeave;  // the consumer has left the merge
        Pause(200);
        return Then::kGoOn;
      default:
        return Stop(ToString(why), ": ", Me().status().ToString());
    }
  }

  const Group group_;
  GroupSheet& sheet_;
  std::atomic<bool>& finished_;
  const int number_;
  std::optional<Consumer> consumer_;
  std::optional<Merge> merge_;  // if set, the consumer is in it
  uint32_t source_ = 0;         // its number in the merge
  bool in_place_ = false, discarding_ = false;
};

}  // namespace

int RunMember(const Settings& settings, Ledger& ledger, int number, uint64_t life) {
  return MemberLife(settings, ledger, number, life).Run();
}

}  // namespace millrace::stress
