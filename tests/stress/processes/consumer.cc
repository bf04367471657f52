// SPDX-License-Identifier: Apache-2.0
// A consumer: reads in every way there is, checks every message, and accounts for every sequence number.
#include <algorithm>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/stress/processes/life.h"
#include "tests/stress/processes/process.h"

namespace millrace::stress {
namespace {

using std::chrono::microseconds;

class ConsumerLife : ReaderLife {
 public:
  ConsumerLife(const Settings& settings, Ledger& ledger, int number, uint64_t life)
      : ReaderLife(settings, ledger, absl::StrCat(KindOf(number), " consumer ", number),
                   2 + static_cast<uint64_t>(number), life),
        sheet_(ledger.consumers[number]),
        number_(number),
        lossless_(DeliveryOf(number).kind() == Delivery::Kind::kLossless) {}

  int Run() {
    return RunHandles(sheet_.finished, /*replaceable=*/true, [this] { return OneHandle(); });
  }

 private:
  // Uses one handle from opening to leaving. Returns false after a violation.
  bool OneHandle() {
    account_ = sheet_.book.Read();
    const bool resumes = sheet_.resumes.load() && (lossless_ || random_.OneIn(2));
    ConsumerOptions options;
    options.label = std::string("stress ") + KindOf(number_) + " " + std::to_string(number_);
    options.start = resumes ? Start::Sequence(account_.next) : AnyStart();
    options.wait = random_.OneIn(3) ? Wait::kPark : Wait::kAdaptive;
    options.on_overrun = random_.OneIn(4) ? Overrun::kResumeNewest : Overrun::kResumeOldest;
    options.copy = random_.OneIn(3);
    options.follow_reopen = random_.OneIn(2);
    in_place_ = lossless_ && !options.copy;
    absl::StatusOr<Consumer> opened = Consumer::Open(settings_.ring, DeliveryOf(number_), options);
    // "The producer overtook every attempt to join; try again."
    if (ErrorOf(opened.status()) == Error::kEvicted) return true;
    if (!opened.ok()) return Bad("opening: ", opened.status().ToString());
    consumer_.emplace(*std::move(opened));
    Begin(resumes);
    Then then = Then::kGoOn;
    for (uint64_t turns = random_.Between(10, 20'000); turns > 0 && then == Then::kGoOn; --turns)
      then = Turn();
    const bool conserved = then != Then::kStop && Conserved();
    consumer_.reset();
    return conserved;
  }

  Start AnyStart() {
    switch (random_.Below(3)) {
      case 0:
        return Start::End();
      case 1:
        return Start::Oldest();
      default:
        return Start::Last(random_.Between(1, 1000));
    }
  }

  void Begin(bool resumes) {
    sheet_.handles += 1;
    told_ = received_ = 0;
    owed_ = 0;
    first_ = resumes;
    if (!resumes) {
      account_ = {};
      account_.start = account_.next = consumer_->next_sequence();
      sheet_.accounts += 1;
      sheet_.book.Write(account_);
      sheet_.resumes.store(true);
    }
    start_ = account_.next;
  }

  // Checks and records a message. The first message of a handle also reports what was lost since the account
  // was left.
  Then Take(const Message& message) {
    const uint64_t gap = message.sequence - account_.next;
    if (message.sequence < account_.next)
      return Stop("sequence ", message.sequence, " where ", account_.next, " was expected");
    if (message.lost != gap + owed_) {
      return Stop("sequence ", message.sequence, " where ", account_.next, " was expected, but lost is ",
                  message.lost, owed_ == 0 ? "" : absl::StrCat(" and ", owed_, " are owed"));
    }
    if (lossless_ && gap != 0 && !first_)
      return Stop("a living one lost ", gap, " before sequence ", message.sequence);
    if (message.deliveries != 1)
      return Stop("sequence ", message.sequence, " delivered ", message.deliveries, " times");
    ++received_;
    if (!Whole(message)) return discarding_ ? Then::kLeave : Then::kStop;
    if (random_.OneIn(2000) && !ledger_.ending.load()) {  // look for a long time, then check the bytes again
      Pause(random_.Between(100, 60'000));
      if (!Whole(message)) return discarding_ ? Then::kLeave : Then::kStop;
    }
    told_ += message.lost;
    owed_ = 0;
    first_ = false;
    account_.received += 1;
    account_.lost += gap;
    account_.next = message.sequence + 1;
    sheet_.book.Write(account_);
    sheet_.received += 1;
    sheet_.lost += gap;
    return Then::kGoOn;
  }

  // Returns false if the message is torn, which is a violation. Also returns false, with `discarding_` set,
  // if this consumer was evicted while it looked and StillIntact() reports that.
  bool Whole(const Message& message) {
    if (messages_.Check(message.sequence, message.payload)) return true;
    discarding_ = in_place_ && !consumer_->StillIntact();
    if (!discarding_)
      return Bad("message ", message.sequence, " of ", message.payload.size(), " bytes is torn");
    sheet_.discarded += 1;
    return false;
  }

  // Reads for a while in one of the ways.
  Then Turn() {
    discarding_ = false;
    const bool over = ledger_.ended.load(std::memory_order_acquire);  // before the look at what is there
    const uint64_t choice = random_.Below(100);
    Then then = Then::kGoOn;
    Got why = Got::kMessage;
    if (choice < 60) {
      for (uint64_t i = random_.Between(1, 500); i > 0 && why == Got::kMessage && then == Then::kGoOn; --i)
        why = Read([&] { return consumer_->Next(microseconds(random_.Between(10, 20'000))); }, &then);
    } else if (choice < 80) {
      for (uint64_t i = random_.Between(1, 500); i > 0 && why == Got::kMessage && then == Then::kGoOn; --i)
        why = Read([&] { return consumer_->TryNext(); }, &then);
    } else {
      why = consumer_
                ->Poll([&](const Message& m) { return (then = Take(m)) == Then::kGoOn; },
                       random_.Between(1, 500))
                .why;
    }
    if (discarding_) return Discarded();
    if (then == Then::kGoOn && why != Got::kMessage) then = Without(why, over);
    return then == Then::kGoOn ? Trouble() : then;
  }

  template <class Call>
  Got Read(Call call, Then* then) {
    const Received got = call();
    if (!got) return got.why();
    if (settings_.plant == Plant::kLost && got->sequence % 5000 == 4999) return Got::kMessage;
    *then = Take(*got);
    return Got::kMessage;
  }

  // This consumer was evicted while it looked at a message in place. The message does not count as consumed,
  // and the next call returns the reason.
  Then Discarded() {
    const Got why = consumer_->TryNext().why();
    return why == Got::kEvicted ? Evicted() : Stop("not intact, but the next call says ", ToString(why));
  }

  Then Without(Got why, bool over) {
    NoteLateWakeups();
    switch (why) {
      case Got::kEvicted:
        return Evicted();
      case Got::kEmpty:
      case Got::kTimedOut:
      case Got::kClosed:
        if (over) return Finish();
        if (why == Got::kClosed) Pause(200);
        return Then::kGoOn;
      default:
        return Stop(ToString(why), ": ", consumer_->status().ToString());
    }
  }

  Then Evicted() {
    sheet_.evicted += 1;
    const std::string said(consumer_->status().message());
    if (!settings_.evictions || said.find("out of range") != std::string::npos) return Stop(said);
    if (DeliveryOf(number_).kind() == Delivery::Kind::kObserver) return Stop(said);
    if (!lossless_ && said.find("an operator") == std::string::npos) return Stop(said);
    return Then::kLeave;
  }

  // Sometimes pauses or skips.
  Then Trouble() {
    if (ledger_.ending.load()) return Then::kGoOn;
    if (random_.OneIn(300)) Pause(random_.Between(100, 60'000));
    return random_.OneIn(200) ? Skip() : Then::kGoOn;
  }

  Then Skip() {
    const uint64_t before = consumer_->stats().skipped;
    const Start to = random_.OneIn(2) ? Start::End() : Start::Last(random_.Between(1, 100));
    if (absl::Status s = consumer_->SkipTo(to); !s.ok()) return Stop("skipping: ", s.ToString());
    return Settle(consumer_->stats().skipped - before);
  }

  // Enters into the account what was skipped, and what an overrun lost and no message has reported yet.
  Then Settle(uint64_t skipped) {
    const uint64_t owed = consumer_->stats().lost - told_, lost = owed - owed_;
    if (account_.next + lost + skipped != consumer_->next_sequence()) {
      return Stop("from sequence ", account_.next, " ", lost, " lost and ", skipped,
                  " skipped, but it is at ", consumer_->next_sequence());
    }
    account_.lost += lost;
    account_.skipped += skipped;
    account_.next = consumer_->next_sequence();
    owed_ = owed;
    sheet_.lost += lost;
    sheet_.skipped += skipped;
    sheet_.book.Write(account_);
    return Then::kGoOn;
  }

  Then Finish() {
    if (const Then settled = Settle(0); settled == Then::kStop) return settled;
    const uint64_t published = ledger_.producer.committed.load();
    if (account_.next != published) return Stop("at the end it is at ", account_.next, " of ", published);
    sheet_.finished.store(true);
    return Then::kLeave;
  }

  // Checks that the library's counts for this handle agree with ours and with its place.
  bool Conserved() {
    NoteLateWakeups();
    const ConsumerStats stats = consumer_->stats();
    sheet_.overruns += stats.overruns;
    if (stats.received != received_)
      return Bad("received ", received_, ", the library says ", stats.received);
    if (start_ + stats.received + stats.lost + stats.skipped != consumer_->next_sequence()) {
      return Bad("began at ", start_, ", received ", stats.received, ", lost ", stats.lost, ", skipped ",
                 stats.skipped, ", but is at ", consumer_->next_sequence());
    }
    const Account& a = account_;
    if (a.start + a.received + a.lost + a.skipped != a.next) {
      return Bad("its account from ", a.start, " to ", a.next, " has received ", a.received, ", lost ",
                 a.lost, ", skipped ", a.skipped);
    }
    return true;
  }

  void NoteLateWakeups() {
    const uint64_t late = consumer_->stats().late_wakeups;
    if (late != 0) sheet_.late_wakeups.store(std::max(late, sheet_.late_wakeups.load()));
  }

  ConsumerSheet& sheet_;
  const int number_;
  const bool lossless_;
  std::optional<Consumer> consumer_;
  Account account_;
  // Counts for this handle.
  uint64_t start_ = 0, received_ = 0, told_ = 0;  // told_: lost, as its messages reported
  uint64_t owed_ = 0;                             // lost and already in the account, but not yet reported
  bool first_ = false;                            // the next message reports what a predecessor missed
  bool in_place_ = false, discarding_ = false;
};

}  // namespace

int RunConsumer(const Settings& settings, Ledger& ledger, int number, uint64_t life) {
  return ConsumerLife(settings, ledger, number, life).Run();
}

}  // namespace millrace::stress
